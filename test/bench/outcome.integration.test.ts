import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { publicationDelay, publicationDelaySql } from "../../bench/contenders/publication.ts"
import { outcomeOf } from "../../bench/harness/Outcome.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const SECOND = 1_000_000

layer(TestPostgres.layer, { excludeTestServices: true })("what the rows of a bench tell", (it) => {
  describe("outcomeOf", () => {
    it.effect("measures from publication to commit, by the clock of the server", () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const database = yield* postgres.create
        yield* database.query("ALTER SYSTEM SET track_commit_timestamp = on")
        yield* postgres.whileStopped(Effect.void)
        const query = yield* database.connected
        yield* query("CREATE TABLE raw_trades (timestamp TIMESTAMPTZ)")
        const insert = (trades: string) => `
          INSERT INTO raw_trades SELECT now() - seconds * interval '1 second'
          FROM (VALUES ${trades}) AS ages (seconds, count), generate_series(1, count)`
        yield* query(insert("(2, 90), (3, 9), (4, 1)"))
        const [{ now } = {}] = yield* query("SELECT (date_part('epoch', now()) * 1000000)::float8 AS now")
        // Neither committed nor published in the span.
        yield* query(insert("(8, 1)"))
        const to = Number(now)
        const { committed, firstCommit, lagAtEnd, latency } = yield* outcomeOf(
          query,
          { from: to - 6 * SECOND, to },
          { batchSize: 1_000, batchTimeout: 20 },
        )
        assert.strictEqual(committed, 100)
        assert.isAtMost(Math.abs(firstCommit - to), SECOND)
        assert.isNaN(lagAtEnd)
        // Published up to 1.5 ms after the match, committed some time after the statement began.
        assert.isTrue(latency.p50 >= 1_998 && latency.p50 < 2_900, `${latency.p50}`)
        assert.isTrue(latency.p99 >= 2_998 && latency.p99 < 3_900, `${latency.p99}`)
        assert.isTrue(latency.p999 >= 3_998 && latency.p999 < 4_900, `${latency.p999}`)
      }),
    )

    it.effect("measures from the earliest moment at which the first batch of a transaction can have been closed", () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        const database = yield* postgres.create
        yield* database.query("ALTER SYSTEM SET track_commit_timestamp = on")
        yield* postgres.whileStopped(Effect.void)
        const query = yield* database.connected
        yield* query("CREATE TABLE raw_trades (timestamp TIMESTAMPTZ)")
        const [{ now } = {}] = yield* query("SELECT (date_part('epoch', now()) * 1000000)::float8 AS now")
        // Each statement is a transaction: of trades that were matched so many ms before it.
        const committed = (...ages: ReadonlyArray<number>) =>
          query(
            `INSERT INTO raw_trades SELECT now() - age * interval '1 millisecond' FROM unnest(ARRAY[${ages.join(",")}]) AS age`,
          )
        const measured = Effect.fnUntraced(function* (batchSize: number, batchTimeout: number) {
          const to = Number(now) + 60 * SECOND
          const { afterClose } = yield* outcomeOf(query, { from: to - 120 * SECOND, to }, { batchSize, batchTimeout })
          return afterClose
        })
        const near = (ms: number, expected: number) =>
          assert.isTrue(ms > expected - 2 && ms < expected + 900, `${ms}, not ${expected}`)

        yield* committed(13_000, 12_000, 11_000)
        // Its newest trade was published before the time of the batch was over.
        near((yield* measured(10, 5_000)).p50, 11_000)
        // Its time was over before its newest trade was published.
        near((yield* measured(10, 500)).p50, 12_500)
        // Its size was reached before.
        near((yield* measured(2, 5_000)).p50, 12_000)

        yield* Effect.forEach([1, 2, 3], () => committed(2_000, 1_000))
        const each = yield* measured(10, 5_000)
        // Each transaction counts once, however many trades it has.
        near(each.p50, 1_000)
        near(each.p99, 11_000)
        near(each.p999, 11_000)
      }),
    )

    it.effect("knows when a trade was published, to the microsecond", () =>
      Effect.gen(function* () {
        const database = yield* (yield* TestPostgres).create
        const rows = yield* database.query(
          `SELECT matched, ${publicationDelaySql("matched")}::int4 AS delay
            FROM (SELECT 1790000000000000 + n * 4999 AS matched FROM generate_series(1, 500) AS n) AS times`,
        )
        assert.deepStrictEqual(
          rows.map(({ delay }) => delay),
          rows.map(({ matched }) => publicationDelay(Number(matched))),
        )
      }),
    )
  })
})
