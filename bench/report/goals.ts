import { type ContenderName } from "../harness/Contender.ts"
import { type Part } from "../parts.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"
import { cpuSustainedOf, sustainedOf } from "./sustainedOf.ts"

export interface Goal {
  readonly goal: string
  readonly wanted: string
  readonly measured: string
  readonly holds: boolean
}

const shown = (value: number, unit: string): string => {
  if (!Number.isFinite(value)) return "not measured"
  if (unit === "trades/s") return `${Math.round(value).toLocaleString("en")} ${unit}`
  return `${value.toFixed(unit === "×" ? 2 : 1)} ${unit}`
}

const atMost = (goal: string, most: number, measured: number, unit: string): Goal => ({
  goal,
  wanted: `≤ ${most} ${unit}`,
  measured: shown(measured, unit),
  holds: measured <= most,
})

const atLeast = (goal: string, least: number, measured: number, unit: "×" | "trades/s"): Goal => ({
  goal,
  wanted: `≥ ${unit === "×" ? least.toFixed(1) : least.toLocaleString("en")} ${unit}`,
  measured: shown(measured, unit),
  holds: measured >= least,
})

type Goals = ReadonlyArray<Goal>

/** Trades a second at which the cost of a trade is judged. */
const CPU_RATES = [20_000, 50_000]

const cpuGoals = (where: string, cpu: (name: ContenderName) => number): Goals => [
  atMost(`CPU of the process a trade ${where}, against the floor`, 1.1, cpu("fulltape") / cpu("floor"), "×"),
  atMost(
    `CPU of the process a trade ${where}, against the best peer`,
    0.5,
    cpu("fulltape") / Math.min(cpu("binance"), cpu("ccxt")),
    "×",
  ),
]

const ofSustained = (report: Report): Goals => {
  const ratio = (size: number) => sustainedOf(report, "fulltape", size) / sustainedOf(report, "floor", size)
  const cpu = (name: ContenderName) => cpuSustainedOf(report, name, 1_000)
  return [
    atLeast("sustained, batches up to 1,000, against the floor", 1, ratio(1_000), "×"),
    atLeast("sustained, batches up to 100, against the floor", 1.2, ratio(100), "×"),
    ...cpuGoals("at the highest sustained rate", cpu),
  ]
}

const ofRates = (report: Report): Goals => {
  const at = (name: ContenderName, rate: number) =>
    report.atRates.find((trial) => trial.name === name && trial.rate === rate)
  const cpu = (rate: number) => (name: ContenderName) => at(name, rate)?.cpu.process ?? Number.NaN
  const starts = report.atRates.flatMap(({ firstStored, name }) => (name === "fulltape" ? [firstStored] : []))
  const { afterClose, latency } = at("fulltape", 5_000) ?? {}
  return [
    ...CPU_RATES.flatMap((rate) => cpuGoals(`at ${rate.toLocaleString("en")}/s`, cpu(rate))),
    atMost("publication to commit at 5,000/s, p99, batches of 20 ms", 60, latency?.p99 ?? Number.NaN, "ms"),
    atMost("from the batch's close to its commit at 5,000/s, p99", 25, afterClose?.p99 ?? Number.NaN, "ms"),
    // A goal in MB: 200 of them are 190.7 MiB.
    atMost("peak RSS at 20,000/s", 190.7, at("fulltape", 20_000)?.peakMebibytes ?? Number.NaN, "MiB"),
    atMost("start to first stored trade", 1_000, median(starts), "ms"),
  ]
}

const ofSubscribers = ({ subscribers }: Report): Goals => {
  const { arrivals } = subscribers.find(({ name }) => name === "fulltape") ?? {}
  return [atMost("publication to subscriber at 20,000/s, p99", 5, arrivals?.p99 ?? Number.NaN, "ms")]
}

const ofCuts = ({ cuts }: Report): Goals => {
  const { missing = Number.NaN } = cuts.find(({ name }) => name === "fulltape") ?? {}
  return [atMost("trades missing after the cuts", 0, missing, "trades")]
}

const ofRepair = ({ repair }: Report): Goals => [
  atLeast("repair from a simulator without limits", 50_000, repair[0]?.perSecond ?? Number.NaN, "trades/s"),
]

const goals: ReadonlyArray<{ readonly part: Part; readonly goals: (report: Report) => Goals }> = [
  { part: "sustained", goals: ofSustained },
  { part: "rates", goals: ofRates },
  { part: "subscribers", goals: ofSubscribers },
  { part: "cuts", goals: ofCuts },
  { part: "repair", goals: ofRepair },
]

/** What Fulltape is to reach in the parts that were measured, and whether it did in this run. */
export const goalsOf = (report: Report): Goals =>
  goals.filter(({ part }) => report.parts.includes(part)).flatMap(({ goals }) => goals(report))
