import { type Accounted } from "./accounted.ts"
import { LEAST_COVERAGE, type Memory, MOST_RATIO, TELLING_MINUTES } from "./Memory.ts"

/** Everything of a run that is judged. */
export interface Evidence {
  readonly minutes: number
  /** Trades a second that were asked for. */
  readonly rate: number
  /** Trades a second that were sent, by the clock. */
  readonly measured: number
  readonly accounted: Accounted
  readonly memory: Memory
  /** The most that was resident at any moment; NaN where the system does not tell. */
  readonly peakBytes: number
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
  const { accounted, ended, measured, memory, minutes, rate, verified } = evidence
  const { duplicates, late, missing } = accounted
  return [
    ...(missing === 0 ? [] : [`${missing} ids are missing`]),
    ...(duplicates === 0 ? [] : [`${duplicates} rows are there twice`]),
    ...(late === 0 ? [] : [`${late} trades that were sent a second before SIGTERM are not stored`]),
    ...(measured >= rate * LEAST_SHARE ? [] : [`only ${measured.toFixed(0)} trades a second were sent, not ${rate}`]),
    ...(verified.code === 0 ? [] : [`verify exits ${verified.code}: ${verified.said}`]),
    ...(ended === 0 ? [] : [`the service ended with ${ended} after SIGTERM`]),
    ...(minutes < TELLING_MINUTES || memory.coverage >= LEAST_COVERAGE
      ? []
      : [`only ${percent(memory.coverage)} of the samples of a window tell the memory`]),
    ...(minutes < TELLING_MINUTES || memory.ratio <= MOST_RATIO
      ? []
      : [`memory is not flat: the ratio is ${memory.ratio.toFixed(2)}, above ${MOST_RATIO}`]),
  ]
}

/** What a person reads in the end. */
export const linesOf = ({
  accounted,
  measured,
  memory,
  minutes,
  peakBytes,
  verified,
}: Evidence): ReadonlyArray<string> => {
  const { early, earlyBytes, late, lateBytes, ratio } = memory
  const window = ({ from, to }: Memory["early"]): string => `minutes ${round(from)} to ${round(to)}`
  return [
    `missing ids: ${accounted.missing}`,
    `duplicates: ${accounted.duplicates}`,
    `trades stored: ${accounted.rows} (${accounted.sent} sent, ${measured.toFixed(0)} a second)`,
    `trades sent a second before SIGTERM and not stored: ${accounted.late}`,
    `verify: ${verified.said}`,
    `maximum RSS of ${window(early)}: ${(earlyBytes / MIB).toFixed(1)} MiB`,
    `maximum RSS of ${window(late)}: ${(lateBytes / MIB).toFixed(1)} MiB`,
    `peak RSS: ${(peakBytes / MIB).toFixed(1)} MiB`,
    `samples: ${percent(memory.coverage)}`,
    `ratio: ${ratio.toFixed(3)}${minutes < TELLING_MINUTES ? ` (not judged in a run of less than ${TELLING_MINUTES} minutes)` : ""}`,
  ]
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`

const round = (minute: number): string => String(Math.round(minute * 10) / 10)
