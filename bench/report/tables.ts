import { type ContenderName, contenderNames } from "../harness/Contender.ts"
import { type Part } from "../parts.ts"
import { goalsOf } from "./goals.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"
import { cpuSustainedOf, sustainedOf } from "./sustainedOf.ts"

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
    [
      "",
      "trades/s, batches up to 1,000",
      "× floor",
      "CPU µs a trade, process",
      "trades/s, batches up to 100",
      "× floor",
      "CPU µs a trade, process",
    ],
    contenderNames.map((name) => {
      const both = report.sustained.some((setting) => setting.name === name && setting.batchSize === 100)
      return [
        name,
        whole(sustainedOf(report, name, 1_000)),
        ratio(name, 1_000),
        tenth(cpuSustainedOf(report, name, 1_000)),
        both ? whole(sustainedOf(report, name, 100)) : "",
        both ? ratio(name, 100) : "",
        both ? tenth(cpuSustainedOf(report, name, 100)) : "",
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
      "close to commit, p99 ms",
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
          .map(({ afterClose, cpu, latency: { p50, p99, p999 }, missing, peakMebibytes }) => [
            whole(rate),
            name,
            tenth(p50),
            tenth(p99),
            tenth(p999),
            tenth(afterClose.p99),
            whole(missing),
            tenth(cpu.process),
            tenth(cpu.database),
            tenth(cpu.simulator),
            whole(peakMebibytes),
          ]),
      ),
    ),
  )

const others = (report: Report): string => {
  const { atRates, cuts, imports, subscribers } = report
  const columns: ReadonlyArray<Column> = [
    {
      part: "subscribers",
      title: `to a subscriber at ${whole(subscribers[0]?.rate ?? NaN)}/s, p50 / p99 / p99.9 ms`,
      cell: (name) => {
        const { arrivals } = subscribers.find((found) => found.name === name) ?? {}
        return arrivals === undefined ? "" : [arrivals.p50, arrivals.p99, arrivals.p999].map(tenth).join(" / ")
      },
    },
    {
      part: "rates",
      title: "start to first stored trade, ms",
      cell: (name) =>
        whole(median(atRates.filter((trial) => trial.name === name).map(({ firstStored }) => firstStored))),
    },
    {
      part: "imports",
      title: "RSS of its imports, MiB",
      cell: (name) => whole(imports.find((found) => found.name === name)?.imported ?? NaN),
    },
    {
      part: "cuts",
      title: `missing after ${cuts[0]?.cuts ?? 0} cuts`,
      cell: (name) => whole(cuts.find((found) => found.name === name)?.missing ?? NaN),
    },
  ]
  const measured = columns.filter(({ part }) => report.parts.includes(part))
  return table(
    ["", ...measured.map(({ title }) => title)],
    contenderNames.map((name) => [name, ...measured.map(({ cell }) => cell(name))]),
  )
}

interface Column {
  readonly part: Part
  readonly title: string
  readonly cell: (name: ContenderName) => Cell
}

const repair = ({ repair }: Report): string =>
  table(
    ["", "trades behind", "trades/s", "missing", "CPU µs a trade, process", "database", "simulator"],
    repair.map(({ behind, cpu, missing, name, perSecond }) => [
      name,
      whole(behind),
      whole(perSecond),
      whole(missing),
      tenth(cpu.process),
      tenth(cpu.database),
      tenth(cpu.simulator),
    ]),
  )

const goals = (report: Report): string =>
  table(
    ["goal", "wanted", "measured", ""],
    goalsOf(report).map(({ goal, holds, measured, wanted }) => [goal, wanted, measured, holds ? "holds" : "missed"]),
  )

interface Section {
  readonly title: string
  /** It is there when one of them was measured. */
  readonly of: ReadonlyArray<Part>
  readonly text: (report: Report) => string
}

const sections: ReadonlyArray<Section> = [
  { title: "Sustained with nothing missing, medians of the rounds", of: ["sustained"], text: sustained },
  { title: "From publication to commit, batches up to 1,000 or 20 ms", of: ["rates"], text: latency },
  { title: "Subscribers, start, imports, cuts", of: ["subscribers", "rates", "imports", "cuts"], text: others },
  { title: "Repair from a simulator without limits", of: ["repair"], text: repair },
]

/** Everything that a run found, as Markdown. */
export const tablesOf = (report: Report): string =>
  [
    ...sections.filter(({ of }) => of.some((part) => report.parts.includes(part))),
    // A short run says nothing of them.
    ...(report.quick || goalsOf(report).length === 0 ? [] : [{ title: "Goals", text: goals }]),
  ]
    .map(({ text, title }) => `### ${title}\n\n${text(report)}\n`)
    .join("\n")
