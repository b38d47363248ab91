import { Context, Effect, Layer, Redacted, References, type Scope } from "effect"
import { temporaryFolder } from "../../test/fixtures/embeddedDatabase.ts"
import { run } from "../../test/fixtures/service/Program.ts"
import { databaseAt, type TestDatabase } from "../../test/fixtures/service/TestPostgres.ts"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { built } from "./built.ts"

/**
 * The one PostgreSQL server that every contender writes to: the embedded one, which also notes when each transaction was committed.
 */
export class Server extends Context.Service<
  Server,
  {
    /** A new database for as long as the scope is open, with the tables and indexes of Fulltape, and nothing in them. */
    readonly database: Effect.Effect<TestDatabase, never, Scope.Scope>
    /** Of the postmaster. */
    readonly pid: number
    readonly version: string
  }
>()("bench/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres
      const url = Redacted.value(server.url)
      const named = (name: string) => databaseAt(url.replace(/[^/]+$/, name))
      const first = databaseAt(url)
      yield* first.query("ALTER SYSTEM SET track_commit_timestamp = on")
      yield* server.whileStopped(Effect.void)
      yield* first.query("CREATE DATABASE bench_template")
      const { code, errors } = yield* run(["migrate"], { env: { DATABASE_URL: named("bench_template").url } }).pipe(
        built,
      )
      if (code !== 0) return yield* Effect.die(new Error(`The template could not be migrated: ${errors}`))
      const admin = yield* first.connected
      const [{ version } = {}] = yield* admin("SELECT current_setting('server_version') AS version")
      let made = 0
      return Server.of({
        database: Effect.acquireRelease(
          Effect.gen(function* () {
            const name = `bench_${++made}`
            yield* admin(`CREATE DATABASE ${name} TEMPLATE bench_template`)
            yield* admin("CHECKPOINT")
            return name
          }),
          (name) => admin(`DROP DATABASE ${name} WITH (FORCE)`),
        ).pipe(Effect.map(named)),
        pid: (yield* server.pid) ?? 0,
        version: String(version),
      })
    }),
  ).pipe(
    Layer.provide(Layer.unwrap(Effect.map(temporaryFolder, (dataDir) => EmbeddedPostgres.layer({ dataDir })))),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")),
    Layer.orDie,
  )
}
