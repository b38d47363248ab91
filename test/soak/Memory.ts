import { type Sample } from "./Sample.ts"

/** From one minute of a run to another. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** The highest RSS of two windows of a run, in bytes. */
export interface Memory {
  readonly early: Window
  readonly late: Window
  readonly earlyBytes: number
  readonly lateBytes: number
  /** Late by early; NaN where one of them has no sample. */
  readonly ratio: number
}

/** From so many minutes on a run tells whether memory is flat. */
export const TELLING_MINUTES = 60

/** How far memory may rise. */
export const MOST_RATIO = 1.1

/** Minutes 10 to 30 and the last 30; of a run of less than an hour, its second and its last third. */
export const windowsOf = (minutes: number): Pick<Memory, "early" | "late"> =>
  minutes >= TELLING_MINUTES
    ? { early: { from: 10, to: 30 }, late: { from: minutes - 30, to: minutes } }
    : { early: { from: minutes / 3, to: (minutes * 2) / 3 }, late: { from: (minutes * 2) / 3, to: minutes } }

/** What the samples of a run of so many minutes say of memory. */
export const memoryOf = (samples: ReadonlyArray<Sample>, minutes: number): Memory => {
  const { early, late } = windowsOf(minutes)
  const highest = ({ from, to }: Window): number => {
    const within = samples.flatMap(({ rssBytes, seconds }) =>
      seconds >= from * 60 && seconds <= to * 60 && Number.isFinite(rssBytes) ? [rssBytes] : [],
    )
    return within.length === 0 ? Number.NaN : Math.max(...within)
  }
  const [earlyBytes, lateBytes] = [highest(early), highest(late)]
  return { early, late, earlyBytes, lateBytes, ratio: lateBytes / earlyBytes }
}
