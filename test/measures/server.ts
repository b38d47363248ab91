import { Effect, Layer, Scope } from "effect"
import { databaseAt, TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** Databases on a server that somebody gave, each with TimescaleDB where the server has it, and dropped in the end. */
const given = (address: string) =>
  Layer.effect(
    TestPostgres,
    Effect.gen(function* () {
      const admin = databaseAt(address)
      const [found] = yield* admin.query("SELECT current_setting('timescaledb.license', TRUE) AS license")
      let made = 0
      const create = Effect.acquireRelease(
        Effect.suspend(() => {
          const name = `fulltape_measure_${process.pid}_${++made}`
          return Effect.as(admin.query(`CREATE DATABASE ${name} TEMPLATE template0`), name)
        }),
        (name) => Effect.ignoreCause(admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      )
      const scope = yield* Effect.scope
      return TestPostgres.of({
        create: Effect.gen(function* () {
          const url = new URL(address)
          url.pathname = `/${yield* Effect.provideService(create, Scope.Scope, scope)}`
          const database = databaseAt(url.href)
          if (found?.["license"] !== null) yield* database.query("CREATE EXTENSION timescaledb")
          return database
        }),
        whileStopped: () =>
          Effect.die(new Error("This measure stops the server, so it takes one of its own: unset TEST_DATABASE_URL.")),
      })
    }),
  )

/** The server that TEST_DATABASE_URL names, of a user that may create databases, or an embedded one. */
export const server = Layer.suspend(() => {
  const address = process.env["TEST_DATABASE_URL"] ?? ""
  return address === "" ? TestPostgres.layer : given(address)
})
