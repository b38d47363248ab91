import { type ContenderName, contenderNames } from "../harness/Contender.ts"
import { GOAL_RATES, goalsOf } from "./goals.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"
import { sustainedOf } from "./sustainedOf.ts"

type Cell = string | number

/** A table as Markdown. */
const table = (head: ReadonlyArray<Cell>, rows: ReadonlyArray<ReadonlyArray<Cell>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const whole = (value: number | null): string => (isKnown(value) ? Math.round(value).toLocaleString("en") : "–")
const hundredth = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "–")
const tenth = (value: number | null): string => (isKnown(value) ? value.toFixed(1) : "–")
const isKnown = (value: number | null): value is number => value !== null && Number.isFinite(value)

const sustained = (report: Report): string => {
  const ratio = (name: ContenderName, size: number) =>
    hundredth(sustainedOf(report, name, size) / sustainedOf(report, "floor", size))
  return table(
    ["", "trades/s, batches up to 1,000", "× floor", "trades/s, batches up to 100", "× floor"],
    contenderNames.map((name) => {
      const both = report.sustained.some((setting) => setting.name === name && setting.batchSize === 100)
      return [
        name,
        whole(sustainedOf(report, name, 1_000)),
        ratio(name, 1_000),
        both ? whole(sustainedOf(report, name, 100)) : "",
        both ? ratio(name, 100) : "",
      ]
    }),
  )
}

const latency = ({ atRates }: Report): string =>
  table(
    [
      "trades/s",
      "",
      "p50 ms",
      "p99 ms",
      "p99.9 ms",
      "missing",
      "CPU µs a trade, process",
      "database",
      "simulator",
      "peak RSS MiB",
    ],
    [...new Set(atRates.map(({ rate }) => rate))].flatMap((rate) =>
      contenderNames.flatMap((name) =>
        atRates
          .filter((trial) => trial.rate === rate && trial.name === name)
          .map(({ cpu, latency: { p50, p99, p999 }, missing, peakMebibytes }) => [
            whole(rate),
            name,
            tenth(p50),
            tenth(p99),
            tenth(p999),
            whole(missing),
            tenth(cpu.process),
            tenth(cpu.database),
            tenth(cpu.simulator),
            whole(peakMebibytes),
          ]),
      ),
    ),
  )

const others = ({ atRates, cuts, imports, subscribers }: Report): string =>
  table(
    [
      "",
      `to a subscriber at ${whole(subscribers[0]?.rate ?? NaN)}/s, p50 / p99 / p99.9 ms`,
      "start to first stored trade, ms",
      "RSS of its imports, MiB",
      `missing after ${cuts[0]?.cuts ?? 0} cuts`,
    ],
    contenderNames.map((name) => {
      const { arrivals } = subscribers.find((found) => found.name === name) ?? {}
      return [
        name,
        arrivals === undefined ? "" : [arrivals.p50, arrivals.p99, arrivals.p999].map(tenth).join(" / "),
        whole(median(atRates.filter((trial) => trial.name === name).map(({ firstStored }) => firstStored))),
        whole(imports.find((found) => found.name === name)?.imported ?? NaN),
        whole(cuts.find((found) => found.name === name)?.missing ?? NaN),
      ]
    }),
  )

const goals = (report: Report): string =>
  table(
    ["goal", "wanted", "measured", ""],
    goalsOf(report).map(({ goal, holds, measured, wanted }) => [goal, wanted, measured, holds ? "holds" : "missed"]),
  )

/** A short run says nothing of the goals. */
const hasGoalRates = ({ atRates }: Report): boolean =>
  GOAL_RATES.every((rate) => atRates.some((trial) => trial.rate === rate))

/** Everything that a run found, as Markdown. */
export const tablesOf = (report: Report): string =>
  [
    ["Sustained with nothing missing, medians of the rounds", sustained(report)],
    ["From publication to commit, batches up to 1,000 or 20 ms", latency(report)],
    ["Subscribers, start, imports, cuts", others(report)],
    ...(hasGoalRates(report) ? [["Goals", goals(report)]] : []),
  ]
    .map(([title, text]) => `### ${title}\n\n${text}\n`)
    .join("\n")
