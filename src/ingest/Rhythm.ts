import { Duration } from "effect"
import type { Trade } from "../market/Trade.ts"

/** No silence shorter than this is worth a question. */
const SHORTEST = Duration.toMillis(Duration.seconds(5))
/** A symbol is judged by its own rate once it was heard so often. */
const ENOUGH = 20
/** Markets change: silences of the window before the last one are forgotten. */
const WINDOW = Duration.toMillis(Duration.minutes(30))
/** How much longer than usual a silence has to be: than the mean, and than the longest of the last windows. */
const TIMES_MEAN = 30
const TIMES_LONGEST = 4

interface Beat {
  lastAt: number
  heard: number
  /** ms between two deliveries, the newest ones counting most. */
  mean: number
  /** The longest silence of this window and of the one before, in ms. */
  longest: number
  longestBefore: number
  windowEnds: number
}

/** When and how regularly each symbol trades, as this process hears it. Times are ms of one clock. */
export class Rhythm {
  private readonly beats = new Map<string, Beat>()

  /** Trades that came at `now`. */
  readonly note = (trades: ReadonlyArray<Trade>, now: number): void => {
    let previous: string | undefined
    for (const { symbol } of trades) {
      if (symbol === previous) continue
      previous = symbol
      const beat = this.beats.get(symbol)
      if (beat === undefined) {
        this.beats.set(symbol, {
          lastAt: now, heard: 1, mean: 0, longest: 0, longestBefore: 0, windowEnds: now + WINDOW,
        }) // prettier-ignore
      } else if (now > beat.lastAt) {
        hear(beat, now)
      }
    }
  }

  readonly hasTradedSince = (symbol: string, since: number): boolean => (this.beats.get(symbol)?.lastAt ?? -1) >= since

  /** How long the symbol has been silent, in ms; undefined before it was first heard. */
  readonly silence = (symbol: string, now: number): number | undefined => {
    const beat = this.beats.get(symbol)
    return beat === undefined ? undefined : Math.max(0, now - beat.lastAt)
  }

  /** A silence of this symbol, in ms, that is unlike it; undefined before enough is known of it. */
  readonly unusual = (symbol: string): number | undefined => {
    const beat = this.beats.get(symbol)
    if (beat === undefined || beat.heard < ENOUGH) return undefined
    return Math.max(SHORTEST, TIMES_MEAN * beat.mean, TIMES_LONGEST * Math.max(beat.longest, beat.longestBefore))
  }
}

const hear = (beat: Beat, now: number): void => {
  const gap = now - beat.lastAt
  if (now >= beat.windowEnds) {
    beat.longestBefore = now >= beat.windowEnds + WINDOW ? 0 : beat.longest
    beat.longest = 0
    beat.windowEnds = now + WINDOW
  }
  beat.lastAt = now
  beat.heard += 1
  beat.mean += (gap - beat.mean) / Math.min(beat.heard - 1, 100)
  beat.longest = Math.max(beat.longest, gap)
}
