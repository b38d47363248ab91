import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { readdirSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { handshake } from "../../src/store/embedded/handshake.ts"
import { lifeOf, signal } from "../../src/store/embedded/processes.ts"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { copyOf, eventually, kept, query, temporaryFolder, template } from "../fixtures/embeddedDatabase.ts"

const build = (layer: ReturnType<typeof EmbeddedPostgres.layer>) =>
  Effect.map(Layer.build(layer), Context.get(EmbeddedPostgres))

class Template extends Context.Service<Template, string>()("test/Template") {
  static readonly layer = Layer.effect(Template, template)
}

describe("EmbeddedPostgres", () => {
  it.live("makes a database at the first start, with its password in a file for its user alone", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* temporaryFolder, "not", "there yet")
      const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
      const [row] = yield* query(
        postgres.url,
        `SELECT current_user AS who, current_database() AS what, current_setting('server_encoding') AS encoding,
          (SELECT datcollate FROM pg_database WHERE datname = current_database()) AS locale,
          current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets,
          current_setting('fsync') || current_setting('synchronous_commit') AS durable`,
      )
      assert.deepStrictEqual(row, {
        who: "fulltape",
        what: "fulltape",
        encoding: "UTF8",
        locale: "C",
        listen: "127.0.0.1",
        sockets: "",
        durable: "onon",
      })
      assert.strictEqual(postgres.owned, true)
      const pid = (yield* postgres.pid) ?? 0
      // It leads a process group of its own, which Ctrl-C does not reach.
      assert.doesNotThrow(() => process.kill(-pid, 0))
      assert.strictEqual(statSync(path.join(dataDir, "postgres", "password")).mode & 0o777, 0o600)
      assert.notInclude(String(postgres.url), "@127.0.0.1")
      assert.deepStrictEqual(
        readdirSync(path.join(dataDir, "postgres")).filter((_) => _.startsWith("new-")),
        [],
      )
      const wrong = Redacted.make(Redacted.value(postgres.url).replace(/:[^:@]*@/, ":wrong@"))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(query(wrong, "SELECT 1"))))
    }),
  )

  it.layer(Template.layer, { excludeTestServices: true })("with a database of yesterday", (it) => {
    it.effect("keeps the data over a restart, and leaves no process behind", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        for (let start = 0; start < 2; start++) {
          const pid = yield* Effect.scoped(
            Effect.gen(function* () {
              const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
              assert.deepStrictEqual(yield* kept(postgres.url), [42])
              return yield* postgres.pid
            }),
          )
          assert.strictEqual(lifeOf(pid ?? 0), undefined)
        }
      }),
    )

    it.effect("attaches to the server that an owner runs, and leaves it running", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        const owned = yield* build(EmbeddedPostgres.layer({ dataDir }))
        yield* Effect.scoped(
          Effect.gen(function* () {
            const guest = yield* build(EmbeddedPostgres.layerAttach({ dataDir }))
            assert.deepStrictEqual([guest.owned, guest.port], [false, owned.port])
            assert.strictEqual(yield* guest.pid, yield* owned.pid)
            assert.deepStrictEqual(yield* kept(guest.url), [42])
            const error = yield* Effect.flip(guest.whileStopped(Effect.void))
            assert.strictEqual(error.reason, "Owned")
          }),
        )
        assert.deepStrictEqual(yield* kept(owned.url), [42])
      }),
    )

    it.effect("starts the server for a command's own duration when nobody runs it; an owner waits for that", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        const scope = yield* Scope.make()
        const guest = yield* build(EmbeddedPostgres.layerAttach({ dataDir })).pipe(Scope.provide(scope))
        assert.deepStrictEqual([guest.owned, yield* kept(guest.url)], [true, [42]])
        const pid = (yield* guest.pid) ?? 0
        yield* Effect.forkScoped(Effect.andThen(Effect.sleep("300 millis"), Scope.close(scope, Exit.void)))
        const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
        assert.strictEqual(lifeOf(pid), undefined)
        assert.deepStrictEqual(yield* kept(postgres.url), [42])
      }),
    )

    for (const name of ["SIGKILL", "SIGINT"] as const) {
      it.effect(`starts a server that ended by ${name} again, on the same port, with its data`, () =>
        Effect.gen(function* () {
          const dataDir = yield* copyOf(yield* Template)
          const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
          yield* query(postgres.url, "INSERT INTO kept VALUES (43)")
          const first = (yield* postgres.pid) ?? 0
          signal(first, name)
          yield* eventually(Effect.map(postgres.pid, (pid) => pid !== undefined && pid !== first))
          assert.deepStrictEqual(yield* kept(postgres.url), [42, 43])
        }),
      )
    }

    it.effect("takes the server away and brings it back on the same port", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
        const away = yield* postgres.whileStopped(
          Effect.all([handshake(postgres.port), postgres.pid]).pipe(Effect.delay("400 millis")),
        )
        assert.deepStrictEqual(away, [false, undefined])
        assert.deepStrictEqual(yield* kept(postgres.url), [42])
      }),
    )

    it.effect("refuses a database of another major version", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        writeFileSync(path.join(dataDir, "postgres", "cluster", "PG_VERSION"), "14\n")
        const error = yield* Effect.flip(build(EmbeddedPostgres.layer({ dataDir })))
        assert.strictEqual(error.reason, "Version")
        assert.match(error.message, /was made by PostgreSQL 14 and this Fulltape brings PostgreSQL \d+: /)
      }),
    )

    it.effect("says why a server does not start, in PostgreSQL's own words", () =>
      Effect.gen(function* () {
        const dataDir = yield* copyOf(yield* Template)
        writeFileSync(path.join(dataDir, "postgres", "cluster", "postgresql.conf"), "shared_buffers = 'many'\n")
        const error = yield* Effect.flip(build(EmbeddedPostgres.layer({ dataDir })))
        assert.strictEqual(error.reason, "Start")
        assert.include(error.message, "contains errors")
      }),
    )
  })

  it.live("says in one sentence that a data folder cannot be made", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporaryFolder, "file")
      writeFileSync(file, "")
      for (const dataDir of [file, path.join(file, "below"), "/proc/fulltape"]) {
        const error = yield* Effect.flip(build(EmbeddedPostgres.layer({ dataDir })))
        assert.strictEqual(error.reason, "Folder")
        assert.match(error.message, /^The data folder \S+ cannot be [^\n]+: set DATA_DIR to another folder\.$/)
      }
    }),
  )
})
