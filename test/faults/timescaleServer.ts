import { Effect, Runtime, Schema } from "effect"
import { startServer } from "../../scripts/services/TestServer.ts"
import { timescale } from "../../scripts/services/timescale.ts"
import { Unavailable } from "../../scripts/services/Unavailable.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"
import { ownDatabases } from "./ownDatabases.ts"
import { pauseOf } from "./pauseOf.ts"
import { smallServer } from "./smallServer.ts"
import { withParent } from "./withParent.ts"

const flavour = {
  ...timescale,
  settings: {
    ...timescale.settings,
    ...smallServer,
    // Its scheduler comes to a new database with the first poll, as it has come to any that is older than a minute.
    "timescaledb.bgw_launcher_poll_time": "500",
    // Its launcher, and a scheduler and jobs for each database, none of which is one of the connections.
    max_worker_processes: "16",
  },
}

/** The machine cannot have the server, which says nothing about the service. */
export class ServerUnavailable extends Schema.TaggedError<ServerUnavailable>()("ServerUnavailable", {
  message: Schema.String,
}) {
  /** EX_UNAVAILABLE of sysexits.h, for scripts that go on without it. */
  override readonly [Runtime.errorExitCode] = 69
}

/** Debian's TimescaleDB, unpacked into a temporary folder, that may be stopped and paused; every database has the extension. */
export const timescaleServer = Effect.gen(function* () {
  const server = yield* Effect.acquireRelease(started, ({ stop }) => Effect.promise(stop))
  return {
    description: server.description,
    // Their template has the extension.
    ...(yield* ownDatabases(server.url)),
    outage: {
      stop: Effect.promise(server.stopImmediately),
      start: Effect.promise(server.startAgain),
      ...pauseOf(server.pid),
    },
  } satisfies DatabaseServer
})

const started = Effect.gen(function* () {
  const server = yield* Effect.promise(() =>
    startServer(flavour, withParent).catch((error: unknown) => {
      if (error instanceof Unavailable) return error
      throw error
    }),
  )
  if (!(server instanceof Unavailable)) return server
  return yield* new ServerUnavailable({ message: `${timescale.name} cannot be had here: ${server.message}` })
})
