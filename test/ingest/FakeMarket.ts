import { Clock, Duration, Effect, Layer } from "effect"
import { type HistoryPage, TradeHistory } from "../../src/feed/TradeHistory.ts"
import type { RestError } from "../../src/feed/RestError.ts"
import { GapLedger, LEASE, SETTLING } from "../../src/store/GapLedger.ts"
import type { LeasedGap } from "../../src/store/LeasedGap.ts"
import type { StoreError } from "../../src/store/StoreError.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { tradeOf } from "../fixtures/trades.ts"

/** A gap as the ledger has it; `until` is in milliseconds of the test clock. */
interface FakeGap {
  readonly symbol: string
  first: number
  last: number
  state: "open" | "filling" | "unfillable"
  noticedAt: number
  until: number
  attempts: number
  error: string | undefined
}

type Answer = Effect.Effect<HistoryPage, RestError>

/** The trades of the symbol with these ids, as an answer of the exchange. */
export const pageOf = (symbol: string, first: number, last: number, limitation?: string): HistoryPage => ({
  trades: Array.from({ length: Math.max(0, Math.min(1000, last - first + 1)) }, (_, n) =>
    tradeOf(first + n, { symbol }),
  ),
  limitation,
})

/** An exchange and a ledger in memory, the ledger with the meaning of the SQL functions. */
export const fakeMarket = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  let gaps: Array<FakeGap> = []
  const highs = new Map<string, number>()
  const market = {
    /** What was asked, in order: symbol and first id. */
    asked: [] as Array<readonly [symbol: string, from: number, at: number]>,
    /** Runs of ids that were passed to the store. */
    committed: [] as Array<readonly [symbol: string, first: number, last: number]>,
    floor: 0,
    newest: Number.MAX_SAFE_INTEGER,
    answer: undefined as ((symbol: string, from: number) => Answer | undefined) | undefined,
    store: Effect.void as Effect.Effect<void, StoreError>,
    highs,
    gap: (symbol: string, first: number, last: number, more: Partial<FakeGap> = {}) => {
      gaps.push({
        symbol,
        first,
        last,
        state: "open",
        noticedAt: now(),
        until: 0,
        attempts: 0,
        error: undefined,
        ...more,
      })
    },
    gaps: () => gaps.map(({ error, first, last, state, symbol }) => ({ symbol, first, last, state, error })),
    /** Ids that are stored, or arrive by themselves. */
    remove: (symbol: string, first: number, last: number, unfillable?: string) => {
      let removed = 0
      gaps = gaps.flatMap((gap) => {
        if (gap.symbol !== symbol || gap.state === "unfillable" || gap.last < first || gap.first > last) return [gap]
        const from = Math.max(first, gap.first)
        const to = Math.min(last, gap.last)
        removed += to - from + 1
        return [
          { ...gap, last: from - 1 },
          ...(unfillable === undefined
            ? []
            : [{ ...gap, first: from, last: to, state: "unfillable" as const, error: unfillable }]),
          { ...gap, first: to + 1 },
        ].filter((piece) => piece.first <= piece.last)
      })
      return removed
    },
  }

  const isOf = (gap: FakeGap, lease: LeasedGap) =>
    gap.symbol === lease.symbol &&
    gap.state === "filling" &&
    String(gap.until) === lease.until &&
    gap.first >= lease.first &&
    gap.first <= lease.last

  const ledger = Layer.mock(GapLedger, {
    lease: (most) =>
      Effect.sync(() => {
        const free = gaps
          .filter(({ noticedAt, state, until }) => {
            const settled = noticedAt <= now() - Duration.toMillis(SETTLING)
            return state !== "unfillable" && until <= now() && settled
          })
          .sort((a, b) => a.last - a.first - (b.last - b.first))
          .slice(0, most)
        return free.map((gap): LeasedGap => {
          gap.state = "filling"
          gap.until = now() + Duration.toMillis(LEASE)
          gap.attempts += 1
          return {
            symbol: gap.symbol,
            first: gap.first,
            last: gap.last,
            attempts: gap.attempts,
            until: String(gap.until),
          }
        })
      }),
    renew: (leases) =>
      Effect.sync(() =>
        leases.map((lease) => {
          const held = gaps.filter((gap) => isOf(gap, lease))
          for (const gap of held) gap.until = now() + Duration.toMillis(LEASE)
          return held.length === 0 ? undefined : { ...lease, until: String(now() + Duration.toMillis(LEASE)) }
        }),
      ),
    release: (lease, { error, progressed, wait }) =>
      Effect.sync(() => {
        for (const gap of gaps.filter((gap) => isOf(gap, lease))) {
          gap.state = "open"
          gap.until = now() + Duration.toMillis(wait)
          gap.error = error ?? gap.error
          if (progressed) gap.attempts = 0
        }
        return gaps
          .filter(({ first, state, symbol }) => {
            return symbol === lease.symbol && state !== "unfillable" && first >= lease.first && first <= lease.last
          })
          .reduce((sum, { first, last }) => sum + last - first + 1, 0)
      }),
    unfillable: (symbol, first, last, reason) => Effect.sync(() => market.remove(symbol, first, last, reason)),
    high: (symbol) => Effect.sync(() => highs.get(symbol)),
  })

  const history = Layer.mock(TradeHistory, {
    page: (symbol, from) =>
      Effect.suspend(() => {
        market.asked.push([symbol, from, now()])
        const first = Math.max(from, market.floor)
        const answer = Effect.succeed(pageOf(symbol, first, Math.min(market.newest, first + 999)))
        // An answer takes its time, so that pages overlap.
        return Effect.delay(market.answer?.(symbol, from) ?? answer, "50 millis")
      }),
  })

  const store = Layer.mock(TradeStore, {
    repair: (batch) =>
      Effect.andThen(
        Effect.suspend(() => market.store),
        Effect.sync(() => {
          const symbol = batch[0]?.symbol ?? ""
          const [first, last] = [batch[0]?.id ?? 0, batch.at(-1)?.id ?? -1]
          market.committed.push([symbol, first, last])
          const high = highs.get(symbol) ?? Number.MAX_SAFE_INTEGER
          const above = batch.filter(({ id }) => id > high)
          const opened = above[0] !== undefined && above[0].id > high + 1 ? 1 : 0
          if (opened === 1) market.gap(symbol, high + 1, (above[0]?.id ?? 0) - 1)
          if (above.length > 0) highs.set(symbol, last)
          const stored = batch.reduce((sum, { id }) => sum + (id > high ? 1 : market.remove(symbol, id, id)), 0)
          return { stored, duplicate: batch.length - stored, quarantined: 0, opened }
        }),
      ),
  })
  return { market, layer: Layer.mergeAll(ledger, history, store) }
})
