import { Context, Effect, Layer, Option, Redacted, Schedule, type Scope } from "effect"
import { locateBinaries } from "./embedded/binaries.ts"
import { ensureCluster, readPassword } from "./embedded/Cluster.ts"
import { EmbeddedPostgresError } from "./embedded/EmbeddedPostgresError.ts"
import { type Folder, openFolder, requireCluster } from "./embedded/Folder.ts"
import { handshake } from "./embedded/handshake.ts"
import { claim, type OwnerRecord } from "./embedded/OwnerFile.ts"
import { findPostmaster } from "./embedded/postmasterPid.ts"
import { chooseRunAs } from "./embedded/chooseRunAs.ts"
import { trimLog } from "./embedded/serverLog.ts"
import { startServer } from "./embedded/startServer.ts"
import { supervise } from "./embedded/supervise.ts"

/** Where the database lives. */
export interface EmbeddedPostgresOptions {
  /** The service's data folder; the database takes the folder `postgres` in it. */
  readonly dataDir: string
}

interface Shape {
  /** `postgres://fulltape:…@127.0.0.1:<port>/fulltape`; the same as long as the layer lives, whatever the server does. */
  readonly url: Redacted.Redacted<string>
  readonly port: number
  /** Absolute. */
  readonly folder: string
  /** Whether this process runs the server; otherwise it attached to the server of another one. */
  readonly owned: boolean
  /** The server's process id; undefined while it is away. */
  readonly pid: Effect.Effect<number | undefined>
  /**
   * Stops the server, runs `use`, and waits until the server is back on the same port with its data.
   * Fails with `Owned` when another process runs it.
   */
  readonly whileStopped: <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<A, E | EmbeddedPostgresError, R>
}

/**
 * A PostgreSQL server of our own, from npm's binaries, on loopback, with its data in a folder.
 * It is started again when it dies and stopped with the scope. Only a process that ends without releasing it, by
 * kill -9 or at a second signal, leaves it running; the next owner then takes it over.
 */
export class EmbeddedPostgres extends Context.Service<EmbeddedPostgres, Shape>()("fulltape/store/EmbeddedPostgres") {
  /** Owns the database; fails with `Owned` when a live process does, after some patience with a brief one. */
  static readonly layer = (options: EmbeddedPostgresOptions): Layer.Layer<EmbeddedPostgres, EmbeddedPostgresError> =>
    Layer.effect(
      EmbeddedPostgres,
      Effect.gen(function* () {
        const folder = yield* openFolder(options.dataDir)
        const owner = yield* claim(folder.root, false).pipe(
          Effect.repeat({
            while: (owner) => Option.isSome(owner) && owner.value.brief,
            schedule: Schedule.upTo(Schedule.spaced("100 millis"), { duration: patience.brief }),
          }),
        )
        return yield* Option.isNone(owner) ? own(folder) : inUse(folder, owner.value)
      }),
    )

  /**
   * Uses the server that a live process runs, or owns the database for as long as the layer lives. With `mustExist` it fails
   * with `Folder` where there is no database, and leaves everything as it is.
   */
  static readonly layerAttach = (
    options: EmbeddedPostgresOptions & { readonly mustExist?: boolean },
  ): Layer.Layer<EmbeddedPostgres, EmbeddedPostgresError> =>
    Layer.effect(
      EmbeddedPostgres,
      Effect.gen(function* () {
        if (options.mustExist === true) yield* requireCluster(options.dataDir)
        const folder = yield* openFolder(options.dataDir)
        const server = yield* meet(folder)
        return yield* server._tag === "None" ? own(folder) : visit(folder, server.port, server.owner)
      }),
    )
}

/** How long `layer` waits for a command such as verify to end, and `layerAttach` for an owner's server to answer. */
const patience = { brief: "15 seconds", start: "60 seconds" } as const

const own = Effect.fnUntraced(function* (folder: Folder): Effect.fn.Return<Shape, EmbeddedPostgresError, Scope.Scope> {
  const binaries = yield* locateBinaries(folder)
  const { runAs, major } = yield* chooseRunAs(folder, binaries)
  yield* ensureCluster(folder, binaries, runAs, major)
  const password = yield* readPassword(folder)
  yield* Effect.try(() => trimLog(folder.log)).pipe(
    Effect.ignore,
    Effect.repeat(Schedule.spaced("1 minute")),
    Effect.forkScoped,
  )
  const server = yield* supervise((port) => startServer({ folder, binaries, runAs, port }))
  return {
    url: urlOf(password, server.port),
    port: server.port,
    folder: folder.root,
    owned: true,
    pid: server.pid,
    whileStopped: server.whileStopped,
  }
})

/** The answering server of a live owner, or, when nobody owns the folder, the folder itself. */
const meet = (folder: Folder) =>
  Effect.gen(function* () {
    const owner = yield* claim(folder.root, true)
    if (Option.isNone(owner)) return { _tag: "None" } as const
    const found = findPostmaster(folder)
    if (found._tag === "Running" && found.ready && (yield* handshake(found.port))) {
      return { _tag: "Server", port: found.port, owner: owner.value } as const
    }
    return yield* new EmbeddedPostgresError({
      reason: "Start",
      message: `The embedded database in ${folder.root} belongs to another Fulltape (pid ${owner.value.pid}) and does not answer: try again, or restart that one.`,
    })
  }).pipe(
    Effect.retry({
      while: (error) => error.reason === "Start",
      schedule: Schedule.upTo(Schedule.spaced("100 millis"), { duration: patience.start }),
    }),
  )

const visit = Effect.fnUntraced(function* (folder: Folder, port: number, owner: OwnerRecord) {
  const password = yield* readPassword(folder)
  return EmbeddedPostgres.of({
    url: urlOf(password, port),
    port,
    folder: folder.root,
    owned: false,
    pid: Effect.sync(() => {
      const found = findPostmaster(folder)
      return found._tag === "Running" ? found.pid : undefined
    }),
    whileStopped: () => inUse(folder, owner),
  })
})

const inUse = (folder: Folder, owner: OwnerRecord) =>
  Effect.fail(
    new EmbeddedPostgresError({
      reason: "Owned",
      message: `The embedded database in ${folder.root} is in use by another Fulltape (pid ${owner.pid}): stop that one, or set DATA_DIR to another folder.`,
    }),
  )

const urlOf = (password: string, port: number) =>
  Redacted.make(`postgres://fulltape:${password}@127.0.0.1:${port}/fulltape`, { label: "DATABASE_URL" })
