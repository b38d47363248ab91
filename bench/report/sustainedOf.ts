import { type ContenderName } from "../harness/Contender.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"

const roundsOf = ({ sustained }: Report, name: ContenderName, batchSize: number) =>
  sustained
    .filter((setting) => setting.name === name && setting.batchSize === batchSize)
    .flatMap(({ rounds }) => rounds)

/** Median of the rounds; 0 for one in which none of the rates that were tried was sustained. */
export const sustainedOf = (report: Report, name: ContenderName, batchSize: number): number =>
  median(roundsOf(report, name, batchSize).map(({ perSecond }) => perSecond ?? 0))

/** µs of CPU of the process a trade at the highest sustained rate; median of the rounds in which there was one. */
export const cpuSustainedOf = (report: Report, name: ContenderName, batchSize: number): number =>
  median(roundsOf(report, name, batchSize).flatMap(({ cpu }) => cpu ?? []))
