import { Effect, Random } from "effect"
import { PAGE } from "../feed/TradeHistory.ts"

/** A run of at most `PAGE` ids, both ends included. */
export interface IdPage {
  readonly first: number
  readonly last: number
}

/**
 * At most `samples` pages of the ids from `first` to `last`, ascending, none of them twice: all of them where that is enough, else
 * the first page, the last one and others at random places between. One sample alone is the last page.
 */
export const samplePages = Effect.fnUntraced(function* (first: number, last: number, samples: number) {
  const pageAt = (from: number): IdPage => ({ first: from, last: Math.min(from + PAGE - 1, last) })
  const ids = last - first + 1
  const pages = Math.ceil(ids / PAGE)
  if (samples >= pages) return Array.from({ length: pages }, (_, n) => pageAt(first + n * PAGE))
  const newest = pageAt(last - PAGE + 1)
  if (samples === 1) return [newest]
  const between = samples - 2
  // Places with the pages themselves left out: the nth page moves up by the n pages before it, so that no two overlap.
  const room = ids - samples * PAGE
  const places = yield* Effect.forEach(Array.from({ length: between }), () => Random.nextIntBetween(0, room))
  const middle = places.toSorted((a, b) => a - b).map((place, n) => pageAt(first + (n + 1) * PAGE + place))
  return [pageAt(first), ...middle, newest]
})
