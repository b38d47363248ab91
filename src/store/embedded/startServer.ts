import { Clock, Effect, type Scope } from "effect"
import { createServer } from "node:net"
import { type Binaries } from "./binaries.ts"
import { EmbeddedPostgresError, errorText } from "./EmbeddedPostgresError.ts"
import { type Folder } from "./Folder.ts"
import { handshake } from "./handshake.ts"
import { type Postmaster, runningPostmaster, spawnPostmaster, stop } from "./Postmaster.ts"
import { findPostmaster } from "./postmasterPid.ts"
import { type RunAs } from "./RunAs.ts"
import { lastReason, logSince, sizeOf } from "./serverLog.ts"

/** A server that says nothing for so long, not even that it is starting, is given up (milliseconds). */
const silence = 30_000

/** What it takes to have a server; without a `port` any free one is taken, with it only this one. */
export interface StartOptions {
  readonly folder: Folder
  readonly binaries: Binaries
  readonly runAs: RunAs
  readonly port: number | undefined
}

/**
 * A server on the folder's cluster that answers: one that runs already (its owner was killed) is taken over, else one is
 * started. The scope stops it. The caller owns the folder.
 */
export const startServer = Effect.fnUntraced(function* (
  options: StartOptions,
): Effect.fn.Return<Postmaster, EmbeddedPostgresError, Scope.Scope> {
  const { folder, port } = options
  for (let attempt = 1; ; attempt++) {
    const taken = yield* takeOver(options)
    if (taken !== undefined) return taken
    const before = sizeOf(folder.log)
    const left = findPostmaster(folder)
    const server = yield* spawnPostmaster({
      ...options,
      port: port ?? (yield* freePort),
      notTheServer: left._tag === "Gone" ? left.pid : undefined,
    })
    const outcome = yield* untilReady(folder, server)
    if (outcome === "ready") return server
    const said = logSince(folder.log, before)
    if (outcome === "ended" && attempt < 25 && mayPass(said, port === undefined)) {
      yield* Effect.sleep("200 millis")
      continue
    }
    const reason = outcome === "silent" ? "it does not answer" : said === "" ? yield* server.exited : lastReason(said)
    return yield* new EmbeddedPostgresError({
      reason: "Start",
      message: `The embedded PostgreSQL did not start in ${folder.root} (${reason}): see ${folder.log}, or set DATABASE_URL to a PostgreSQL server.`,
    })
  }
})

/** undefined: none runs, or the one that ran was of no use and has been stopped. */
const takeOver = Effect.fnUntraced(function* ({ folder, port }: StartOptions) {
  const found = findPostmaster(folder)
  if (found._tag !== "Running") return undefined
  const server = runningPostmaster(found)
  const outcome = yield* untilReady(folder, server)
  if (outcome === "ready" && (port === undefined || port === found.port)) {
    yield* Effect.logInfo(`Taking over the embedded PostgreSQL that still runs in ${folder.root} (pid ${found.pid})`)
    return yield* Effect.acquireRelease(Effect.succeed(server), stop)
  }
  if (outcome !== "ended") yield* stop(server)
  return undefined
})

/** A killed owner's server that is only starting, a killed server's processes, or somebody who took our free port. */
const mayPass = (said: string, anyPort: boolean): boolean =>
  said.includes('lock file "postmaster.pid" already exists') ||
  said.includes("pre-existing shared memory block") ||
  (anyPort && said.includes("could not bind"))

/** Waits for a server that begins a session and is the one of this folder, not another at the same port. */
const untilReady = (folder: Folder, server: Postmaster): Effect.Effect<"ready" | "ended" | "silent"> =>
  Effect.gen(function* () {
    let heard = yield* Clock.currentTimeMillis
    while (true) {
      const found = findPostmaster(folder)
      const ours = found._tag === "Running" && found.pid === server.pid
      if (ours && found.ready && (yield* handshake(server.port))) return "ready"
      const now = yield* Clock.currentTimeMillis
      // A recovery after a crash takes its time.
      if (ours && !found.ready) heard = now
      if (now - heard > silence) return "silent"
      yield* Effect.sleep("20 millis")
    }
  }).pipe(Effect.raceFirst(Effect.as(server.exited, "ended" as const)))

const freePort = Effect.callback<number, EmbeddedPostgresError>((resume) => {
  const server = createServer()
  const failed = (error: unknown) =>
    resume(
      Effect.fail(
        new EmbeddedPostgresError({
          reason: "Start",
          message: `No port on 127.0.0.1 is free for the embedded PostgreSQL (${errorText(error)}): set DATABASE_URL to a PostgreSQL server.`,
        }),
      ),
    )
  server.once("error", failed)
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      typeof address === "object" && address !== null
        ? resume(Effect.succeed(address.port))
        : failed("the system names none"),
    )
  })
})
