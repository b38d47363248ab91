import { Effect, Exit, Layer, References, Scope } from "effect"
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { locateBinaries } from "../../src/store/embedded/binaries.ts"
import { chooseRunAs } from "../../src/store/embedded/chooseRunAs.ts"
import { ensureCluster, readPassword } from "../../src/store/embedded/Cluster.ts"
import { openFolder } from "../../src/store/embedded/Folder.ts"
import { type Postmaster } from "../../src/store/embedded/Postmaster.ts"
import { signal } from "../../src/store/embedded/processes.ts"
import { startServer } from "../../src/store/embedded/startServer.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"
import { childrenOf } from "./childrenOf.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"
import { withParent } from "./withParent.ts"

/** Few enough connections to take them all; and no wait for a disk, since no machine loses its power here. */
const settings = `
fsync = off
max_connections = 24
superuser_reserved_connections = 3
`

const ROLE = "service"

/** A PostgreSQL from npm's binaries, in a temporary folder, that may be stopped and paused. */
export const ownServer = Effect.gen(function* () {
  const folder = yield* openFolder(yield* temporaryFolder)
  const binaries = yield* locateBinaries(folder)
  const { major, runAs } = yield* chooseRunAs(folder, binaries)
  const runAsChild = { ...runAs, prefix: [...runAs.prefix, ...withParent] }
  yield* ensureCluster(folder, binaries, runAs, major)
  yield* Effect.sync(() => appendFileSync(join(folder.cluster, "postgresql.conf"), settings))
  const password = yield* readPassword(folder)

  let scope: Scope.Closeable | undefined
  let server: Postmaster | undefined
  const start = (port: number | undefined) =>
    Effect.gen(function* () {
      scope = yield* Scope.make()
      server = yield* Scope.provide(startServer({ folder, binaries, runAs: runAsChild, port }), scope)
      return server
    })
  const end = Effect.suspend(() => (scope === undefined ? Effect.void : Scope.close(scope, Exit.void)))
  const { port } = yield* start(undefined)
  yield* Effect.addFinalizer(() => end)

  const admin = databaseAt(`postgres://fulltape:${password}@127.0.0.1:${port}/fulltape`)
  yield* admin.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${password}'`)

  const all = (name: NodeJS.Signals) =>
    Effect.sync(() => {
      if (server === undefined) return
      // Stopped first, the postmaster makes no more of them.
      signal(server.pid, name)
      for (const pid of childrenOf(server.pid)) signal(pid, name)
    })

  return {
    description: `PostgreSQL ${major}, of npm's packages`,
    host: "127.0.0.1",
    port,
    create: (name) =>
      Effect.acquireRelease(
        Effect.gen(function* () {
          yield* admin.query(`CREATE DATABASE ${name} OWNER ${ROLE}`)
          return {
            name,
            admin: databaseAt(admin.url.replace(/[^/]+$/, name)),
            url: `postgres://${ROLE}:${password}@127.0.0.1:${port}/${name}`,
          }
        }),
        () => Effect.ignoreCause(admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      ),
    outage: {
      stop: Effect.suspend(() => {
        if (server === undefined) return Effect.void
        signal(server.pid, "SIGQUIT")
        return Effect.asVoid(server.exited)
      }),
      start: Effect.andThen(end, start(port)).pipe(Effect.orDie, Effect.asVoid),
      pause: all("SIGSTOP"),
      resume: all("SIGCONT"),
    },
  } satisfies DatabaseServer
}).pipe(Effect.provide(Layer.succeed(References.MinimumLogLevel, "Error")))
