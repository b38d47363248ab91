import { type Accounted } from "./accounted.ts"
import { type Memory, MOST_RATIO, TELLING_MINUTES } from "./Memory.ts"

/** Everything of a run that is judged. */
export interface Evidence {
  readonly minutes: number
  /** Trades a second that were asked for. */
  readonly rate: number
  readonly accounted: Accounted
  readonly memory: Memory
  /** Of `verify`, and what it said last. */
  readonly verified: { readonly code: number | null; readonly said: string }
  /** After SIGTERM. */
  readonly ended: number | string | null
}

/** A simulator that cannot keep up would make a run look better than it was. */
const LEAST_SHARE = 0.95

const MIB = 1024 ** 2

/** What is wrong: nothing, where the run shows what it is to show. */
export const judge = (evidence: Evidence): ReadonlyArray<string> => {
  const { accounted, ended, memory, minutes, rate, verified } = evidence
  const { duplicates, missing, rows, sent } = accounted
  const perSecond = sent / (minutes * 60)
  return [
    ...(missing === 0 ? [] : [`${missing} ids are missing`]),
    ...(duplicates === 0 ? [] : [`${duplicates} rows are there twice`]),
    ...(rows >= sent ? [] : [`${rows} trades are stored, fewer than the ${sent} that were sent`]),
    ...(perSecond >= rate * LEAST_SHARE ? [] : [`only ${perSecond.toFixed(0)} trades a second were sent, not ${rate}`]),
    ...(verified.code === 0 ? [] : [`verify exits ${verified.code}: ${verified.said}`]),
    ...(ended === 0 ? [] : [`the service ended with ${ended} after SIGTERM`]),
    ...(minutes < TELLING_MINUTES || memory.ratio <= MOST_RATIO
      ? []
      : [`memory is not flat: the ratio is ${memory.ratio.toFixed(2)}, above ${MOST_RATIO}`]),
  ]
}

/** What a person reads in the end. */
export const linesOf = ({ accounted, memory, minutes, verified }: Evidence): ReadonlyArray<string> => {
  const { early, earlyBytes, late, lateBytes, ratio } = memory
  const window = ({ from, to }: Memory["early"]): string => `minutes ${round(from)} to ${round(to)}`
  return [
    `missing ids: ${accounted.missing}`,
    `duplicates: ${accounted.duplicates}`,
    `trades stored: ${accounted.rows} (${accounted.sent} sent)`,
    `verify: ${verified.said}`,
    `maximum RSS of ${window(early)}: ${(earlyBytes / MIB).toFixed(1)} MiB`,
    `maximum RSS of ${window(late)}: ${(lateBytes / MIB).toFixed(1)} MiB`,
    `ratio: ${ratio.toFixed(3)}${minutes < TELLING_MINUTES ? ` (not judged in a run of less than ${TELLING_MINUTES} minutes)` : ""}`,
  ]
}

const round = (minute: number): string => String(Math.round(minute * 10) / 10)
