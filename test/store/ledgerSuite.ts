import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Layer, type Redacted } from "effect"
import { SqlClient } from "effect/sql"
import fc from "fast-check"
import { commitTrades } from "../../src/store/commitTrades.ts"
import { type Entry, tradesAndRefusals } from "../fixtures/refused.ts"
import * as Database from "../../src/store/Database.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { wrongIds } from "./wrongIds.ts"

interface Delivered {
  readonly symbol: "A" | "B"
  readonly id: number
  readonly refused: boolean
}

/** What writers do at the same moment: each commits a batch, or takes it back. */
type Round = ReadonlyArray<{ readonly batch: ReadonlyArray<Delivered>; readonly rollBack: boolean }>

const symbol = fc.constantFrom<"A" | "B">("A", "B")

/** Any ids in any order. */
const disorder: fc.Arbitrary<ReadonlyArray<Delivered>> = fc.array(
  fc.record({ symbol, id: fc.integer({ min: 0, max: 30 }), refused: fc.nat(9).map((n) => n === 0) }),
  { minLength: 1, maxLength: 12 },
)

/** What a stream delivers: a run of each symbol, which may or may not begin behind what is there. */
const runs: fc.Arbitrary<ReadonlyArray<Delivered>> = fc
  .array(fc.record({ symbol, first: fc.nat(30), length: fc.integer({ min: 1, max: 8 }) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((all) =>
    all.flatMap(({ first, length, symbol }) =>
      Array.from({ length }, (_, n) => ({ symbol, id: first + n, refused: false })),
    ),
  )

const rounds: fc.Arbitrary<ReadonlyArray<Round>> = fc.array(
  fc.array(
    fc.record({
      batch: fc.oneof(disorder, runs),
      rollBack: fc.nat(4).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { minLength: 1, maxLength: 8 },
)

/** Live trades in microseconds, and those of another source with their time cut to milliseconds. */
const entriesOf = (batch: ReadonlyArray<Delivered>, writer: number): ReadonlyArray<Entry> =>
  batch.map(({ id, refused, symbol }) => {
    const micros = 1_791_019_853_440_123 + id * 777
    const time = writer === 0 ? micros : micros - (micros % 1000)
    return { trade: tradeOf(id, { symbol, time }), refusal: refused ? "for the test" : undefined }
  })

/** The commit call under every interleaving that a test can make. */
export const ledgerSuite = (
  withDatabase: <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E>) => Effect.Effect<A, E>,
  options: (url: Redacted.Redacted<string>) => {
    url: Redacted.Redacted<string>
    poolMax: number
    timeout: Duration.Duration
  },
) =>
  describe("commit_trades", () => {
    it.live("accounts for every id exactly once, whatever writers do at the same moment", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())

          const play = Effect.fnUntraced(function* (all: ReadonlyArray<Round>) {
            for (const table of ["raw_trades", "trade_gaps", "symbols"]) yield* sql`DELETE FROM ${sql(table)}`
            for (const round of all) {
              yield* Effect.forEach(
                round,
                ({ batch, rollBack }, writer) => {
                  const commit = commitTrades(
                    sql,
                    { market: "test", mostMissing: 20 },
                    {
                      origin: writer === 0 ? "stream" : "history",
                      unwanted: writer === 1 ? ["A"] : [],
                      ...tradesAndRefusals(entriesOf(batch, writer)),
                    },
                  )
                  return rollBack
                    ? Effect.ignore(sql.withTransaction(Effect.andThen(commit, Effect.fail("rolled back"))))
                    : commit
                },
                { concurrency: "unbounded", discard: true },
              )
              assert.deepStrictEqual(yield* wrongIds(sql), [])
            }
            const committed = all.flat().flatMap(({ batch, rollBack }) => (rollBack ? [] : batch))
            const stored = yield* sql<{
              symbol: string
              id: number
            }>`SELECT symbol, trade_id::int AS id FROM raw_trades`
            const origins = yield* sql<{
              symbol: string
              origin: number
            }>`SELECT symbol, origin_id::int AS origin FROM symbols`
            const open = yield* sql<{ symbol: string; id: number }>`
              SELECT symbol, generate_series(first_id, last_id)::int AS id FROM trade_gaps WHERE state = 'open'`
            const never = yield* sql<{ symbol: string; id: number }>`
              SELECT symbol, generate_series(first_id, last_id)::int AS id FROM trade_gaps WHERE state = 'unfillable'`
            const has = (rows: ReadonlyArray<{ symbol: string; id: number }>, one: Delivered) =>
              rows.some(({ id, symbol }) => id === one.id && symbol === one.symbol)
            for (const one of committed) {
              const below = origins.some(({ origin, symbol }) => symbol === one.symbol && one.id < origin)
              const known = has(stored, one) || has(never, one) || (one.refused && has(open, one))
              assert.isTrue(below || known, `${one.symbol} ${one.id} is lost`)
            }
            for (const one of stored)
              assert.isTrue(committed.some(({ id, symbol }) => id === one.id && symbol === one.symbol))
          })

          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(rounds, (all) => run(play(all))),
              { numRuns: 40 },
            ),
          )
        }).pipe(Effect.provide(Layer.provideMerge(Layer.empty, Database.layer({ ...options(url), market: "test" })))),
      ),
    )
  })
