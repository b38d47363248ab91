import { describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import { CandleStore } from "../../src/store/CandleStore.ts"
import { commitTrades } from "../../src/store/commitTrades.ts"
import { tradesAndRefusals } from "../fixtures/refused.ts"
import * as Database from "../../src/store/Database.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { assertCandles, assertRevised, type StoredCandle } from "./storedCandles.ts"

const IDS = 60
const symbol = fc.constantFrom("A", "B")
const decimal = fc
  .tuple(fc.nat(3), fc.nat(99_999_999))
  .map(([whole, rest]) => `${whole}.${String(rest).padStart(8, "0")}`)

/** The market: half of its trades share the instant of the one before, others are hours apart. */
const market = fc.array(
  fc.record({
    pause: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 4, arbitrary: fc.constantFrom(1, 400, 1_500, 20_000_000, 59_999_999, 60_000_000) },
      { weight: 1, arbitrary: fc.constantFrom(400_000_000, 5_000_000_000, 90_000_000_000) },
    ),
    price: decimal,
    quantity: decimal,
    side: fc.constantFrom<"BUY" | "SELL">("BUY", "SELL"),
  }),
  { minLength: IDS, maxLength: IDS },
)

/** What may happen at the same moment. */
const step = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("run" as const),
      symbol,
      first: fc.nat(IDS - 1),
      length: fc.integer({ min: 1, max: 12 }),
    }),
    fc.record({
      kind: fc.constant("asked" as const),
      symbol,
      ids: fc.array(fc.record({ id: fc.nat(IDS - 1), refused: fc.nat(4).map((n) => n === 0) }), {
        minLength: 1,
        maxLength: 8,
      }),
    }),
    fc.record({
      kind: fc.constant("given up" as const),
      symbol,
      first: fc.nat(IDS - 1),
      length: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ kind: fc.constant("refresh" as const) }),
  ),
  { minLength: 1, maxLength: 4 },
)

type Market = typeof market extends fc.Arbitrary<infer A> ? A : never
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

/** Candles against a fold of all trades, whatever came late, twice, refused or not at all. */
export const candleModelSuite = (
  withDatabase: <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E>) => Effect.Effect<A, E>,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
  runs: number,
) =>
  describe("candles", () => {
    it.live("equal an independent fold of the trades, whatever came late, twice, refused or not at all", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const { refresh } = yield* CandleStore
          const { unfillable } = yield* GapLedger
          const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())

          const play = Effect.fnUntraced(function* (trades: Market, steps: ReadonlyArray<Step>) {
            for (const table of ["raw_trades", "trade_gaps", "symbols", "candles", "candle_changes"])
              yield* sql`DELETE FROM ${sql(table)}`
            let time = 1_790_942_390_000_000
            const times = trades.map(({ pause }) => (time += pause))
            /** Another source cuts times to milliseconds. */
            const entry = (symbol: string, id: number, cut: boolean, refused = false) => {
              const { price = "1", quantity = "1", side = "BUY" } = trades[id] ?? {}
              const micros = times[id] ?? 0
              const trade = tradeOf(id, {
                symbol,
                price,
                quantity,
                side,
                time: cut ? micros - (micros % 1000) : micros,
              })
              return { trade, refusal: refused ? "for the test" : undefined }
            }
            const commit = (origin: "stream" | "history", entries: ReadonlyArray<ReturnType<typeof entry>>) =>
              commitTrades(
                sql,
                { market: "test", mostMissing: 2 ** 53 },
                {
                  origin,
                  unwanted: [],
                  ...tradesAndRefusals(entries),
                },
              )
            const act = (one: Step[number]): Effect.Effect<unknown, unknown> => {
              if (one.kind === "refresh") return refresh
              if (one.kind === "given up")
                return unfillable(one.symbol, one.first, one.first + one.length - 1, "for the test")
              if (one.kind === "asked")
                return commit(
                  "history",
                  one.ids.map(({ id, refused }) => entry(one.symbol, id, true, refused)),
                )
              const ids = Array.from({ length: Math.min(one.length, IDS - one.first) }, (_, n) => one.first + n)
              return commit(
                "stream",
                ids.map((id) => entry(one.symbol, id, false)),
              )
            }
            let before: ReadonlyArray<StoredCandle> = []
            for (const all of steps) {
              yield* Effect.forEach(all, act, { concurrency: "unbounded", discard: true })
              // What is refreshed in the midst of a step may have been final for a moment: only without is it known what is revised.
              const known = !all.some(({ kind }) => kind === "refresh")
              yield* refresh
              const after = yield* assertCandles
              if (known) assertRevised(before, after)
              before = after
            }
          })

          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(market, fc.array(step, { minLength: 1, maxLength: 8 }), (trades, steps) =>
                run(play(trades, steps)),
              ),
              { numRuns: runs },
            ),
          )
        }).pipe(
          Effect.provide(
            Layer.mergeAll(
              GapLedger.layer({ timeout: Duration.seconds(20) }),
              CandleStore.layer({ timeout: Duration.seconds(20) }),
            ).pipe(Layer.provideMerge(Database.layer({ ...options(url), market: "test" }))),
          ),
        ),
      ),
    )
  })
