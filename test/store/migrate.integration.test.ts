import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted } from "effect"
import * as Database from "../../src/store/Database.ts"
import { DatabaseProxy } from "../faults/DatabaseProxy.ts"
import { eventually } from "../fixtures/embeddedDatabase.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** What another session holds, so that the migration waits for it. */
const moments = {
  "before its first migration": `
    CREATE TABLE fulltape_migrations (
      migration_id integer PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL);
    BEGIN; LOCK TABLE fulltape_migrations IN ACCESS SHARE MODE`,
  "between two statements of one": "BEGIN; CREATE TABLE trade_gaps (n int)",
  "while the trades are arranged": "BEGIN; SELECT pg_advisory_xact_lock(hashtext('fulltape raw_trades'))",
}

const WAITING = "FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"

it.layer(TestPostgres.layer, { excludeTestServices: true })("a migration that loses its connection", (it) => {
  for (const [moment, hold] of Object.entries(moments)) {
    for (const way of ["the server ends it", "the network does"] as const) {
      it.effect(`${moment}, because ${way}, is done all the same`, () =>
        Effect.gen(function* () {
          const { connected, query, url } = yield* (yield* TestPostgres).create
          const address = new URL(url)
          const { port, proxy } = yield* DatabaseProxy.make({ host: address.hostname, port: Number(address.port) })
          address.port = String(port)
          const holder = yield* connected
          yield* Effect.forEach(hold.split(";"), holder)

          const database = { url: Redacted.make(address.href), poolMax: 2, timeout: Duration.seconds(5) }
          const migration = yield* Database.migrate.pipe(
            Effect.provide(Database.connected(database)),
            Effect.forkScoped,
          )
          yield* eventually(Effect.map(query(`SELECT ${WAITING}`), (waiting) => waiting.length > 0))
          if (way === "the network does") proxy.cut()
          else yield* query(`SELECT pg_terminate_backend(pid) ${WAITING}`)
          yield* holder("ROLLBACK")

          yield* Fiber.join(migration)
          const applied = yield* query("SELECT migration_id AS id FROM fulltape_migrations ORDER BY 1")
          assert.deepStrictEqual(
            applied.map(({ id }) => id),
            [1, 2, 3, 4, 5],
          )
          assert.deepStrictEqual(yield* query("SELECT relkind FROM pg_class WHERE relname = 'raw_trades'"), [
            { relkind: "p" },
          ])
        }).pipe(Effect.scoped),
      )
    }
  }
})
