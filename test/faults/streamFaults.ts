import { type StreamKind } from "./Kind.ts"
import { type ExchangeFault, type PostedFault } from "./PlannedFault.ts"
import { type Random } from "./Random.ts"

/** The first moment of a schedule at which something may happen, in milliseconds. */
const FIRST = 150
/** Nothing that takes long to recover from begins later. */
const LAST = 5_500

type Shape = Pick<ExchangeFault, "fault" | "bait"> & { readonly lasts?: number; readonly before?: number }

/** Draws the details of a fault of the streams. */
export const drawStreamFault = (kind: StreamKind, random: Random, symbols: ReadonlyArray<string>): ExchangeFault => {
  const { before = LAST, lasts = 0, ...posted } = shapeOf(kind, random, symbols)
  return { side: "exchange", kind, at: random.between(FIRST, Math.min(before, LAST - lasts)), lasts, ...posted }
}

const shapeOf = (kind: StreamKind, random: Random, symbols: ReadonlyArray<string>): Shape => {
  const [first = "", ...more] = symbols
  const symbol = random.pick([first, ...more])
  /** One symbol, or all of them. */
  const some = random.chance(0.5) ? { symbol } : {}
  switch (kind) {
    case "drop":
      return {
        fault: { kind, ...random.pick<{ midFrame?: true; reset?: true }>([{}, { midFrame: true }, { reset: true }]) },
      }
    case "close":
      return { fault: { kind, code: random.pick([1000, 1001, 1008, 1011, 1012, 1013, 4000]) } }
    case "refuse": {
      const lasts = random.between(300, 1_400)
      return {
        fault: { kind, status: random.pick([503, 429, 451]), for: lasts },
        bait: { kind: "drop" },
        lasts,
        before: 4_500,
      }
    }
    case "silence": {
      const lasts = random.between(400, 2_200)
      return { fault: { kind, for: lasts, pings: random.chance(0.5), lose: random.chance(0.6) }, lasts }
    }
    case "skip":
      return { fault: { kind, ...some, ids: random.between(1, random.chance(0.3) ? 1_500 : 40) } }
    case "repeat":
      return { fault: { kind, ...some, ids: random.between(1, 400) } }
    case "reorder":
      return { fault: { kind, ...some, ids: random.between(2, 150) } }
    case "malformed":
      return { fault: malformed(random, symbol) }
    case "foreign":
      return { fault: { kind, symbol, variant: random.pick(["event", "symbol"] as const) } }
    case "jump":
      return { fault: { kind, symbol, ids: random.between(11_000_000, 2_000_000_000) } }
    case "regress":
      return { fault: { kind, symbol, ids: random.between(150, random.chance(0.5) ? 400 : 5_000) } }
    case "stall": {
      const lasts = random.between(300, 2_500)
      // Only a new subscription ends the one without an end.
      return random.chance(0.25) ? { fault: { kind, symbol } } : { fault: { kind, symbol, for: lasts }, lasts }
    }
    case "serverShutdown":
      return { fault: { kind, ...(random.chance(0.6) ? { closeAfter: random.between(200, 1_500) } : {}) } }
    case "lifetime":
      return { fault: { kind, after: random.between(3_000, 4_000) }, before: 1_500 }
  }
}

const malformed = (random: Random, symbol: string): PostedFault => ({
  kind: "malformed",
  symbol,
  variant: random.pick(["truncated", "missingKey", "emptyPrice", "notJson", "binary"] as const),
})
