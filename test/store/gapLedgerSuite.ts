import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, type Redacted, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as fc from "fast-check"
import { commitTrades } from "../../src/store/commitTrades.ts"
import * as Database from "../../src/store/Database.ts"
import { GapLedger } from "../../src/store/GapLedger.ts"
import type { LeasedGap } from "../../src/store/LeasedGap.ts"
import { tradeOf } from "../fixtures/trades.ts"
import { wrongIds } from "./wrongIds.ts"

type DatabaseOptions = (url: Redacted.Redacted<string>) => {
  url: Redacted.Redacted<string>
  poolMax: number
  timeout: Duration.Duration
}

/** One thing that happens to the ledger; things of one round happen at the same moment. */
type Deed =
  | { readonly kind: "commit"; readonly symbol: string; readonly ids: ReadonlyArray<number> }
  | { readonly kind: "giveUp"; readonly symbol: string; readonly first: number; readonly length: number }
  | { readonly kind: "lease" | "renew" | "release" }

const symbol = fc.constantFrom("A", "B", "C")
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      symbol,
      ids: fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("giveUp" as const), symbol, first: fc.nat(40), length: fc.nat(8) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("lease" as const, "renew" as const, "release" as const) }),
  },
)

const nextTime = { wait: Duration.zero, progressed: false }

/** What is missing, and who looks for it, on a real server. */
export const gapLedgerSuite = (
  withDatabase: <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E>) => Effect.Effect<A, E>,
  options: DatabaseOptions,
) => {
  const ledger = (lease: Duration.Duration) => GapLedger.layer({ timeout: Duration.seconds(5), lease })

  /** A test with a migrated database of its own, and leases of this length. */
  const test = (
    name: string,
    body: Effect.Effect<void, unknown, GapLedger | SqlClient.SqlClient>,
    lease = Duration.seconds(30),
  ) =>
    it.live(name, () =>
      withDatabase((url) =>
        Effect.provide(body, Layer.provideMerge(ledger(lease), Database.layer({ ...options(url), market: "test" }))),
      ),
    )

  const commit = Effect.fnUntraced(function* (ids: ReadonlyArray<number>, of = "BTCUSDT") {
    const sql = yield* SqlClient.SqlClient
    const trades = ids.map((id) => tradeOf(id, { symbol: of }))
    return yield* commitTrades(sql, { market: "test", mostMissing: 1_000 }, { origin: "stream", unwanted: [], trades })
  })
  /** Gaps that are noticed now are too young to be leased. */
  const settle = Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`UPDATE trade_gaps SET noticed_at = noticed_at - interval '1 minute'`,
  )
  const gaps = Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ state: string; first: number; last: number; error: string | null; attempts: number }>`
      SELECT state, first_id::int AS first, last_id::int AS last, last_error AS error, attempts
      FROM trade_gaps WHERE state <> 'filled' ORDER BY symbol, first_id`,
  )
  const runs = Effect.map(gaps, (rows) => rows.map(({ first, last, state }) => [state, first, last]))
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

  describe("GapLedger", () => {
    test(
      "leases the smallest gaps first, neighbours as one, each to one owner, once they have settled",
      Effect.gen(function* () {
        const { lease } = yield* GapLedger
        yield* commit([0, 100, 103, 200])
        yield* commit([7, 10], "ETHUSDT")
        assert.deepStrictEqual(yield* lease(10), [])
        yield* settle
        const first = yield* lease(2)
        assert.deepStrictEqual(
          first.map(({ attempts, first, last, symbol }) => [symbol, first, last, attempts]),
          [
            ["BTCUSDT", 101, 102, 1],
            ["ETHUSDT", 8, 9, 1],
          ],
        )
        assert.deepStrictEqual(
          (yield* lease(10)).map(({ first, last }) => [first, last]),
          [[1, 199]],
        )
        assert.deepStrictEqual(yield* lease(10), [])
      }),
    )

    test(
      "gives a gap of a killed owner to the next one when the lease has ended, and not to two at once",
      Effect.gen(function* () {
        const { lease, release, renew } = yield* GapLedger
        yield* commit([0, 10])
        yield* settle
        const [mine] = yield* lease(1)
        if (mine === undefined) return assert.fail("nothing was leased")
        assert.deepStrictEqual(yield* lease(1), [])
        yield* Effect.sleep("450 millis")
        const both = yield* Effect.all([lease(1), lease(1)], { concurrency: 2 })
        const [theirs] = both.flat()
        assert.strictEqual(both.flat().length, 1)
        assert.strictEqual(theirs?.attempts, 2)
        // The old owner wakes up: it can neither prolong nor end what is not its own.
        assert.deepStrictEqual(yield* renew([mine]), [undefined])
        assert.strictEqual(yield* release(mine, { ...nextTime, error: "too late" }), 9)
        assert.deepInclude((yield* gaps)[0], { state: "filling", error: null })
      }),
      Duration.millis(400),
    )

    test(
      "keeps a lease that is renewed, on every piece that commits leave of the gap",
      Effect.gen(function* () {
        const { lease, renew } = yield* GapLedger
        yield* commit([0, 100])
        yield* settle
        let [mine] = yield* lease(1)
        for (const id of [50, 20, 80, 1, 99]) {
          if (mine === undefined) return assert.fail("the lease is lost")
          yield* commit([id])
          yield* Effect.sleep("200 millis")
          mine = (yield* renew([mine]))[0]
          assert.deepStrictEqual(yield* lease(10), [])
        }
        assert.deepStrictEqual(yield* runs, [
          ["filling", 2, 19],
          ["filling", 21, 49],
          ["filling", 51, 79],
          ["filling", 81, 98],
        ])
        yield* commit(range(0, 100))
        assert.deepStrictEqual(yield* renew(mine === undefined ? [] : [mine]), [undefined])
      }),
      Duration.millis(600),
    )

    test(
      "gives back what is left, with the reason, and not before it is time",
      Effect.gen(function* () {
        const { frontiers, lease, release } = yield* GapLedger
        yield* commit([0, 100])
        yield* settle
        const [mine] = yield* lease(1)
        if (mine === undefined) return assert.fail("nothing was leased")
        assert.deepInclude((yield* frontiers)[0], { gaps: 1, filling: 1 })
        yield* commit(range(1, 60))
        const missing = yield* release(mine, { error: "late\0", wait: Duration.millis(400), progressed: true })
        assert.strictEqual(missing, 39)
        assert.deepStrictEqual(yield* gaps, [{ state: "open", first: 61, last: 99, error: "late\\0", attempts: 0 }])
        assert.deepInclude((yield* frontiers)[0], { high: 100, frontier: 60, gaps: 1, filling: 0, missing: 39 })
        assert.deepStrictEqual(yield* lease(1), [])
        yield* Effect.sleep("450 millis")
        const [again] = yield* lease(1)
        assert.deepInclude(again, { first: 61, last: 99, attempts: 1 })
        yield* commit(range(61, 99))
        assert.strictEqual(yield* release(again ?? mine, nextTime), 0)
        assert.deepInclude((yield* frontiers)[0], { frontier: 100, gaps: 0, missing: 0 })
      }),
    )

    test(
      "splits a gap at a floor inside it, and never touches what is stored",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { lease, unfillable } = yield* GapLedger
        yield* commit([0, 100, 102])
        yield* settle
        yield* lease(2)
        yield* commit([30])
        assert.strictEqual(yield* unfillable("BTCUSDT", 1, 50, "the answer starts at 51"), 49)
        assert.strictEqual(yield* unfillable("BTCUSDT", 0, 50, "again"), 0)
        assert.strictEqual(yield* unfillable("BTCUSDT", 60, 60, "in the middle"), 1)
        assert.deepStrictEqual(yield* runs, [
          ["unfillable", 1, 29],
          ["unfillable", 31, 50],
          ["filling", 51, 59],
          ["unfillable", 60, 60],
          ["filling", 61, 99],
          ["filling", 101, 101],
        ])
        assert.strictEqual((yield* gaps)[0]?.error, "the answer starts at 51")
        // What comes all the same is stored.
        assert.deepInclude(yield* commit(range(0, 102)), { stored: 99, opened: 0 })
        assert.deepStrictEqual(yield* wrongIds(sql), [])
      }),
    )

    test(
      "knows a symbol's high",
      Effect.gen(function* () {
        const { high } = yield* GapLedger
        yield* commit([5, 2 ** 53 - 1])
        assert.strictEqual(yield* high("BTCUSDT"), 2 ** 53 - 1)
        assert.strictEqual(yield* high("ETHUSDT"), undefined)
      }),
    )

    /** Runs `inside` in a transaction, and ends it once `waiting` statements wait for what it locked. */
    const whileWaiting = Effect.fnUntraced(function* (
      inside: Effect.Effect<unknown, unknown, SqlClient.SqlClient>,
      waiting: number,
    ) {
      const sql = yield* SqlClient.SqlClient
      const locked = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        sql.withTransaction(
          Effect.andThen(inside, Effect.andThen(Deferred.succeed(locked, undefined), Deferred.await(done))),
        ),
      )
      yield* Deferred.await(locked)
      yield* Effect.forkChild(
        sql`SELECT FROM pg_locks WHERE NOT granted`.pipe(
          Effect.repeat({ until: (rows) => rows.length >= waiting, schedule: Schedule.spaced("10 millis") }),
          Effect.andThen(Deferred.succeed(done, undefined)),
        ),
      )
    })

    test(
      "leases no gap twice when two ask at the same moment",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { lease } = yield* GapLedger
        yield* commit([0, 10])
        yield* settle
        yield* whileWaiting(sql`SELECT FROM symbols FOR UPDATE`, 2)
        const both = yield* Effect.all([lease(5), lease(5)], { concurrency: 2 })
        assert.strictEqual(both.flat().length, 1)
      }),
    )

    test(
      "gives up what a commit at the same moment leaves, and nothing of what it stores",
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { unfillable } = yield* GapLedger
        yield* commit([0, 10])
        yield* whileWaiting(commit([4, 5]), 1)
        assert.strictEqual(yield* unfillable("BTCUSDT", 1, 9, "for the test"), 7)
        assert.deepStrictEqual(yield* wrongIds(sql), [])
      }),
    )

    it.live("stays true whatever commits, leases and gives up at the same moment", () =>
      withDatabase((url) =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          const { lease, release, renew, unfillable } = yield* GapLedger
          const run = Effect.runPromiseWith(yield* Effect.context<SqlClient.SqlClient>())

          const play = Effect.fnUntraced(function* (rounds: ReadonlyArray<ReadonlyArray<Deed>>) {
            for (const table of ["raw_trades", "trade_gaps", "symbols"]) yield* sql`DELETE FROM ${sql(table)}`
            let held: ReadonlyArray<LeasedGap> = []
            const act = (deed: Deed): Effect.Effect<unknown, unknown, SqlClient.SqlClient> => {
              switch (deed.kind) {
                case "commit":
                  return commit(deed.ids, deed.symbol)
                case "giveUp":
                  return unfillable(deed.symbol, deed.first, deed.first + deed.length, "for the test")
                case "lease":
                  return Effect.map(lease(3), (more) => (held = [...held, ...more]))
                case "renew":
                  return Effect.map(renew(held), (kept) => (held = kept.flatMap((gap) => gap ?? [])))
                case "release":
                  return Effect.forEach(held, (gap) => release(gap, nextTime))
              }
            }
            for (const round of rounds) {
              yield* Effect.forEach(round, act, { concurrency: "unbounded", discard: true })
              yield* settle
              assert.deepStrictEqual(yield* wrongIds(sql), [])
            }
          })
          yield* Effect.promise(() =>
            fc.assert(
              fc.asyncProperty(
                fc.array(fc.array(deed, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 }),
                (rounds) => run(play(rounds)),
              ),
              { numRuns: 40 },
            ),
          )
        }).pipe(
          Effect.provide(
            Layer.provideMerge(ledger(Duration.seconds(30)), Database.layer({ ...options(url), market: "test" })),
          ),
        ),
      ),
    )
  })
}
