import { type ContenderName } from "../harness/Contender.ts"
import { median } from "./median.ts"
import { type Report } from "./Report.ts"

/** Median of the rounds; 0 for one in which none of the rates that were tried was sustained. */
export const sustainedOf = ({ sustained }: Report, name: ContenderName, batchSize: number): number =>
  median(
    sustained
      .filter((setting) => setting.name === name && setting.batchSize === batchSize)
      .flatMap(({ rounds }) => rounds.flatMap(({ perSecond }) => perSecond ?? 0)),
  )
