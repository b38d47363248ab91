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
  /** How many of the samples that were to be taken tell the memory, of the window that lacks more of them: 1, all. */
  readonly coverage: number
}

/** From so many minutes on a run tells whether memory is flat. */
export const TELLING_MINUTES = 30

/** From so many minutes on the first ten are left out, in which the caches of a process fill. */
const LONG_MINUTES = 60

/** Between two samples. */
export const SECONDS_A_SAMPLE = 10

/** A window with fewer of its samples may have missed its highest. */
export const LEAST_COVERAGE = 0.9

/** How far memory may rise. */
export const MOST_RATIO = 1.1

/** Minutes 10 to 30 and the last 30; of a run of less than an hour, its second and its last third. */
export const windowsOf = (minutes: number): Pick<Memory, "early" | "late"> =>
  minutes >= LONG_MINUTES
    ? { early: { from: 10, to: 30 }, late: { from: minutes - 30, to: minutes } }
    : { early: { from: minutes / 3, to: (minutes * 2) / 3 }, late: { from: (minutes * 2) / 3, to: minutes } }

/** What the samples of a run of so many minutes say of memory. */
export const memoryOf = (samples: ReadonlyArray<Sample>, minutes: number): Memory => {
  const { early, late } = windowsOf(minutes)
  const within = ({ from, to }: Window): ReadonlyArray<number> =>
    samples.flatMap(({ rssBytes, seconds }) =>
      seconds >= from * 60 && seconds <= to * 60 && Number.isFinite(rssBytes) ? [rssBytes] : [],
    )
  const highest = (window: Window): number => {
    const told = within(window)
    return told.length === 0 ? Number.NaN : Math.max(...told)
  }
  const covered = (window: Window): number =>
    Math.min(1, within(window).length / (((window.to - window.from) * 60) / SECONDS_A_SAMPLE))
  const coverage = Math.min(covered(early), covered(late))
  const [earlyBytes, lateBytes] = [highest(early), highest(late)]
  return { early, late, earlyBytes, lateBytes, ratio: lateBytes / earlyBytes, coverage }
}
