import { assert, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { bounded } from "../../src/store/bounded.ts"
import { completeness } from "../../src/store/completeness.ts"
import * as Database from "../../src/store/Database.ts"
import { isTransient, sqlFailure } from "../../src/store/sqlFailure.ts"
import { DatabaseProxy } from "../faults/DatabaseProxy.ts"
import { eventually } from "../fixtures/embeddedDatabase.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

it.layer(TestPostgres.layer, { excludeTestServices: true })("a transaction", (it) => {
  /** A database, the proxy on the way to it, and a pool of one connection: whoever comes next has what was left. */
  const setUp = Effect.gen(function* () {
    const { connected, query, url } = yield* (yield* TestPostgres).create
    const address = new URL(url)
    const { port, proxy } = yield* DatabaseProxy.make({ host: address.hostname, port: Number(address.port) })
    address.port = String(port)
    const options = { url: Redacted.make(address.href), poolMax: 1, timeout: Duration.seconds(5) }
    const pool = yield* Layer.build(Database.connected(options))
    yield* query("CREATE TABLE notes (note text)")
    return { connected, query, proxy, pool }
  })

  const noted = (note: string) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`INSERT INTO notes VALUES (${note})`)
  const inTransaction = <A, E>(body: Effect.Effect<A, E, SqlClient.SqlClient>) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(body))
  /** The server ends the very connection that asks for it. */
  const end = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT pg_terminate_backend(pg_backend_pid())`)

  /** What is there in the end, once the next one has had the connection, alone and in a transaction. */
  const assertNotes = Effect.fnUntraced(function* (expected: ReadonlyArray<string>) {
    const sql = yield* SqlClient.SqlClient
    yield* noted("alone")
    yield* inTransaction(noted("together"))
    const rows = yield* sql<{ readonly note: string }>`SELECT note FROM notes`
    assert.deepStrictEqual(
      rows.map(({ note }) => note),
      [...expected, "alone", "together"],
    )
  })

  it.effect("that fails does so for its own reason, though the connection is lost", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp
      yield* Effect.gen(function* () {
        const mine = inTransaction(
          noted("a").pipe(Effect.andThen(Effect.ignore(end)), Effect.andThen(Effect.fail("mine"))),
        )
        assert.strictEqual(yield* Effect.flip(mine), "mine")
        const within = inTransaction(Effect.andThen(noted("b"), mine))
        assert.strictEqual(yield* Effect.flip(within), "mine")
        yield* assertNotes([])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("that loses the connection fails so that it is tried again", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp
      yield* Effect.gen(function* () {
        const bodies = [end, inTransaction(end), Effect.ignore(end), inTransaction(Effect.ignore(end))]
        for (const body of bodies) {
          const error = yield* Effect.flip(inTransaction(Effect.andThen(noted("a"), body)))
          assert.isTrue(SqlError.isSqlError(error) && isTransient(error), String(error))
        }
        yield* assertNotes([])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("is interrupted and nothing else, though the connection is lost", () =>
    Effect.gen(function* () {
      const { pool, proxy } = yield* setUp
      yield* Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const body = Effect.andThen(noted("a"), Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
        const fiber = yield* Effect.forkScoped(inTransaction(body))
        yield* Deferred.await(begun)
        proxy.cut()
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause), String(exit))
        yield* assertNotes([])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("that takes longer than it may leaves nothing, while it waits for a lock or for a connection", () =>
    Effect.gen(function* () {
      const { connected, pool } = yield* setUp
      const holder = yield* connected
      yield* Effect.gen(function* () {
        yield* holder("BEGIN")
        yield* holder("LOCK TABLE notes")
        const late = bounded(Duration.millis(100))(inTransaction(noted("late")))
        assert.include((yield* Effect.flip(late)).detail, "no answer in time")
        yield* holder("ROLLBACK")

        const begun = yield* Deferred.make<void>()
        const done = yield* Deferred.make<void>()
        const other = yield* Effect.forkScoped(
          inTransaction(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(done))),
        )
        yield* Deferred.await(begun)
        assert.include((yield* Effect.flip(late)).detail, "no answer in time")
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(other)
        yield* assertNotes([])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("fails to commit when a statement failed, whoever ignored that", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const wrong = Effect.ignore(sql`SELECT 1 / 0`)
        for (const body of [wrong, inTransaction(wrong)]) {
          const error = yield* Effect.flip(inTransaction(Effect.andThen(noted("a"), body)))
          assert.include(sqlFailure(error).detail, "rolled back")
        }
        yield* inTransaction(
          noted("kept").pipe(
            Effect.andThen(Effect.ignore(inTransaction(Effect.andThen(noted("a"), sql`SELECT 1 / 0`)))),
            Effect.andThen(inTransaction(noted("kept too"))),
          ),
        )
        yield* assertNotes(["kept", "kept too"])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("ends before anyone else has its connection, though the server forgot the prepared statements", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const failing = inTransaction(Effect.fail("mine"))
        assert.strictEqual(yield* Effect.flip(failing), "mine")
        const forgetting = inTransaction(Effect.andThen(sql.unsafe("DEALLOCATE ALL"), Effect.fail("mine")))
        assert.strictEqual(yield* Effect.flip(forgetting), "mine")
        yield* assertNotes([])
      }).pipe(Effect.provide(pool))
    }).pipe(Effect.scoped),
  )

  it.effect("of the count of trades fails as every statement does", () =>
    Effect.gen(function* () {
      const { connected, pool, query } = yield* setUp
      const holder = yield* connected
      yield* Effect.provide(Database.migrate, pool)
      yield* holder("BEGIN")
      yield* holder("LOCK TABLE raw_trades")
      const counted = yield* Effect.forkScoped(Effect.provide(completeness, pool))
      const waiting =
        "FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
      yield* eventually(Effect.map(query(`SELECT ${waiting}`), (rows) => rows.length > 0))
      yield* query(`SELECT pg_terminate_backend(pid) ${waiting}`)
      assert.isTrue(SqlError.isSqlError(yield* Effect.flip(Fiber.join(counted))))
    }).pipe(Effect.scoped),
  )
})
