import { type RestKind } from "./Kind.ts"
import { type ExchangeFault, type PostedFault } from "./PlannedFault.ts"
import { type Random } from "./Random.ts"

/** A hole of so many ids, which the slowest symbol has behind it by then, is repaired soon after these milliseconds. */
const MOST_SKIPPED = 40
const HOLE_BEFORE = 400

/** More holes follow, since one that is noticed a moment too late is only asked for seconds later. Milliseconds. */
const BETWEEN_HOLES = 350

/** Draws the details of a fault of REST, at most `most` milliseconds long. Holes come with it, so that somebody asks. */
export const drawRestFault = (
  kind: RestKind,
  random: Random,
  symbols: ReadonlyArray<string>,
  most: number,
): ExchangeFault => {
  const [first = "", ...more] = symbols
  const symbol = random.pick([first, ...more])
  const lasts = kind === "restFloor" ? 1_500 : random.between(Math.min(700, most), most)
  return {
    side: "exchange",
    kind,
    at: random.between(150, 3_800),
    lasts,
    fault: { at: HOLE_BEFORE, ...shapeOf(kind, random, symbol, lasts) },
    bait: {
      kind: "skip",
      symbol,
      ids: random.between(1, MOST_SKIPPED),
      every: BETWEEN_HOLES,
      times: Math.ceil((HOLE_BEFORE + lasts) / BETWEEN_HOLES),
    },
  }
}

const shapeOf = (kind: RestKind, random: Random, symbol: string, lasts: number): PostedFault => {
  switch (kind) {
    case "rest": {
      const status = random.pick([429, 418, 503, 500, 451, 403])
      // Without the header a client has to wait for a minute, or for two.
      const isLimit = status === 429 || status === 418
      const retryAfter = isLimit || (status === 503 && random.chance(0.5)) ? { retryAfter: random.between(1, 2) } : {}
      return { kind, for: lasts, status, ...retryAfter }
    }
    case "restSlow":
      return { kind, for: lasts, delay: random.between(100, 1_200) }
    case "restHang":
    case "restCut":
    case "restEmpty":
      return { kind, for: lasts }
    case "restLate":
      return { kind, for: lasts, ids: random.between(500, 4_000) }
    case "restFloor":
      return { kind, symbol, ids: random.between(1, 20) }
  }
}
