import { Context, type Duration, Effect, Layer } from "effect"
import type { Trade } from "../market/Trade.ts"
import { bounded } from "./bounded.ts"
import { storedPrices } from "./storedPrices.ts"

/** What a symbol was last traded at. */
export interface LatestPrice {
  readonly symbol: string
  /** A decimal number, as the exchange wrote it; of an earlier run as the database does, which is the same number. */
  readonly price: string
  /** Of the trade. */
  readonly id: number
  /** When the exchange matched it, in microseconds since the epoch. */
  readonly time: number
}

/** Prices that changed after a point in time, and the point to ask from next. */
export interface PriceChanges {
  readonly revision: number
  readonly prices: ReadonlyArray<LatestPrice>
}

/**
 * The newest trade of each symbol, of those that were committed: by the stream, a repair or what waited on disk. The id decides
 * what is newer, and a lower one never replaces a higher one.
 */
export class LatestPrices extends Context.Service<
  LatestPrices,
  {
    /** undefined while no trade of the symbol is stored. */
    get(symbol: string): Effect.Effect<LatestPrice | undefined>
    /** Of every symbol that has one. */
    readonly all: Effect.Effect<ReadonlyArray<LatestPrice>>
    /** The prices that changed after the revision; after 0: all of them. */
    changes(after: number): Effect.Effect<PriceChanges>
    /** Tells of trades that are stored now; the store calls it right after the commit. Never waits. */
    readonly committed: (trades: Iterable<Trade>) => void
  }
>()("fulltape/store/LatestPrices") {
  /** Begins with what is given. */
  static readonly layerFrom = (stored: ReadonlyArray<LatestPrice>) =>
    Layer.sync(LatestPrices, () => {
      const held = new Map<string, { readonly latest: LatestPrice; readonly revision: number }>()
      let revision = 0
      const note = ({ id, price, symbol, time }: LatestPrice) => {
        const known = held.get(symbol)
        if (known === undefined || id > known.latest.id)
          held.set(symbol, { latest: { symbol, price, id, time }, revision: ++revision })
      }
      stored.forEach(note)
      const after = (given: number) => {
        const prices: Array<LatestPrice> = []
        for (const { latest, revision } of held.values()) if (revision > given) prices.push(latest)
        return { revision, prices }
      }
      return LatestPrices.of({
        get: (symbol) => Effect.sync(() => held.get(symbol)?.latest),
        all: Effect.sync(() => after(0).prices),
        changes: (given) => Effect.sync(() => after(given)),
        committed: (trades) => {
          for (const trade of trades) note(trade)
        },
      })
    })

  /** Begins with what the database has; where that does not answer, with nothing, and says so. */
  static readonly layer = (options: { readonly timeout: Duration.Duration }) =>
    Layer.unwrap(
      storedPrices.pipe(
        Effect.withSpan("LatestPrices.begin", { root: true }),
        bounded(options.timeout),
        Effect.catch((error) =>
          Effect.as(
            Effect.logWarning(`The latest price of a symbol is known from its next trade on: ${error.message}`),
            [],
          ),
        ),
        Effect.map(LatestPrices.layerFrom),
      ),
    )
}
