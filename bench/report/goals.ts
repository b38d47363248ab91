import { type ContenderName } from "../harness/Contender.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"
import { sustainedOf } from "./sustainedOf.ts"

export interface Goal {
  readonly goal: string
  readonly wanted: string
  readonly measured: string
  readonly holds: boolean
}

const shown = (value: number, digits: number, unit: string): string =>
  Number.isFinite(value) ? `${value.toFixed(digits)} ${unit}` : "not measured"

const atMost = (goal: string, most: number, measured: number, unit: string): Goal => ({
  goal,
  wanted: `≤ ${most} ${unit}`,
  measured: shown(measured, unit === "×" ? 2 : 1, unit),
  holds: measured <= most,
})

const atLeast = (goal: string, least: number, measured: number): Goal => ({
  goal,
  wanted: `≥ ${least.toFixed(1)} ×`,
  measured: shown(measured, 2, "×"),
  holds: measured >= least,
})

/** Trades a second that the goals speak of. */
export const GOAL_RATES: ReadonlyArray<number> = [5_000, 20_000]

/** What Fulltape is to reach, and whether it did in this run; what was not measured does not hold. */
export const goalsOf = (report: Report): ReadonlyArray<Goal> => {
  const at = (name: ContenderName, rate: number) =>
    report.atRates.find((trial) => trial.name === name && trial.rate === rate)
  const cpu = (name: ContenderName) => at(name, 20_000)?.cpu.process ?? Number.NaN
  const ratio = (size: number) => sustainedOf(report, "fulltape", size) / sustainedOf(report, "floor", size)
  const starts = report.atRates.flatMap(({ firstStored, name }) => (name === "fulltape" ? [firstStored] : []))
  const subscriber = report.subscribers.find(({ name }) => name === "fulltape")
  const missing = report.cuts.find(({ name }) => name === "fulltape")?.missing ?? Number.NaN
  return [
    atLeast("sustained, batches up to 1,000, against the floor", 1, ratio(1_000)),
    atLeast("sustained, batches up to 100, against the floor", 1.2, ratio(100)),
    atMost("CPU of the process a trade at 20,000/s, against the floor", 1.1, cpu("fulltape") / cpu("floor"), "×"),
    atMost(
      "CPU of the process a trade at 20,000/s, against the best peer",
      0.5,
      cpu("fulltape") / Math.min(cpu("binance"), cpu("ccxt")),
      "×",
    ),
    atMost(
      "publication to commit at 5,000/s, p99, batches of 20 ms",
      60,
      at("fulltape", 5_000)?.latency.p99 ?? Number.NaN,
      "ms",
    ),
    atMost("publication to subscriber at 20,000/s, p99", 5, subscriber?.arrivals.p99 ?? Number.NaN, "ms"),
    // A goal in MB: 200 of them are 190.7 MiB.
    atMost("peak RSS at 20,000/s", 190.7, at("fulltape", 20_000)?.peakMebibytes ?? Number.NaN, "MiB"),
    atMost("start to first stored trade", 1_000, median(starts), "ms"),
    atMost("trades missing after the cuts", 0, missing, "trades"),
  ]
}
