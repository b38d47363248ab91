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
import { type DatabaseServer } from "./DatabaseServer.ts"
import { ownDatabases } from "./ownDatabases.ts"
import { pauseOf } from "./pauseOf.ts"
import { smallServer } from "./smallServer.ts"
import { withParent } from "./withParent.ts"

const settings = Object.entries(smallServer).map(([name, value]) => `\n${name} = ${value}`)

/** A PostgreSQL from npm's binaries, in a temporary folder, that may be stopped and paused. */
export const npmServer = Effect.gen(function* () {
  const folder = yield* openFolder(yield* temporaryFolder)
  const binaries = yield* locateBinaries(folder)
  const { major, runAs } = yield* chooseRunAs(folder, binaries)
  const runAsChild = { ...runAs, prefix: [...runAs.prefix, ...withParent] }
  yield* ensureCluster(folder, binaries, runAs, major)
  yield* Effect.sync(() => appendFileSync(join(folder.cluster, "postgresql.conf"), `${settings.join("")}\n`))
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

  return {
    description: `PostgreSQL ${major}, of npm's packages`,
    ...(yield* ownDatabases(`postgres://fulltape:${password}@127.0.0.1:${port}/fulltape`)),
    outage: {
      stop: Effect.suspend(() => {
        if (server === undefined) return Effect.void
        signal(server.pid, "SIGQUIT")
        return Effect.asVoid(server.exited)
      }),
      start: Effect.andThen(end, start(port)).pipe(Effect.orDie, Effect.asVoid),
      ...pauseOf(() => server?.pid),
    },
  } satisfies DatabaseServer
}).pipe(Effect.provide(Layer.succeed(References.MinimumLogLevel, "Error")))
