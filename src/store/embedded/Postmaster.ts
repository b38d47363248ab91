import { Deferred, Effect, Option, Schedule, type Scope } from "effect"
import { spawn } from "node:child_process"
import { closeSync } from "node:fs"
import { type Binaries } from "./binaries.ts"
import { EmbeddedPostgresError, errorText } from "./EmbeddedPostgresError.ts"
import { type Folder } from "./Folder.ts"
import { type Running } from "./postmasterPid.ts"
import { lifeOf, signal } from "./processes.ts"
import { type RunAs } from "./RunAs.ts"
import { openLog } from "./serverLog.ts"

/** A server process, possibly not ready yet. */
export interface Postmaster {
  readonly pid: number
  /** Which life of the pid it is, see `lifeOf`. */
  readonly life: string | undefined
  readonly port: number
  /** Waits for its end, and says how it ended. */
  readonly exited: Effect.Effect<string>
}

/** What it takes to start a server. */
export interface SpawnOptions {
  readonly folder: Folder
  readonly binaries: Binaries
  readonly runAs: RunAs
  readonly port: number
  /** A process id in `postmaster.pid` that PostgreSQL must not take for a live server. */
  readonly notTheServer: number | undefined
}

/** Starts a server in a process group of its own; the scope stops it. */
export const spawnPostmaster = (options: SpawnOptions): Effect.Effect<Postmaster, EmbeddedPostgresError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => spawned(options),
      catch: (error) =>
        new EmbeddedPostgresError({
          reason: "Start",
          message: `The embedded PostgreSQL could not be started in ${options.folder.root} (${errorText(error)}): correct that, or set DATABASE_URL to a PostgreSQL server.`,
        }),
    }),
    stop,
  )

/** A server that another process started. */
export const runningPostmaster = ({ pid, life, port }: Running): Postmaster => ({
  pid,
  life,
  port,
  exited: Effect.sync(() => lifeOf(pid) !== life).pipe(
    Effect.repeat({ until: (gone) => gone, schedule: Schedule.spaced("200 millis") }),
    Effect.as("exit code unknown"),
  ),
})

const spawned = ({ folder, binaries, runAs, port, notTheServer }: SpawnOptions): Postmaster => {
  const exit = Deferred.makeUnsafe<string>()
  const log = openLog(folder.log)
  const [file = binaries.postgres, ...args] = [
    ...runAs.prefix,
    binaries.postgres,
    "-D",
    folder.cluster,
    "--listen_addresses=127.0.0.1",
    `--port=${port}`,
    "--unix_socket_directories=",
    "--logging_collector=off",
    "--log_destination=stderr",
  ]
  const child = spawn(file, args, {
    ...runAs.spawn,
    cwd: "/",
    // For PostgreSQL a grandparent is never the server that wrote the file, whatever its process id is.
    env: notTheServer === undefined ? binaries.env : { ...binaries.env, PG_GRANDPARENT_PID: String(notTheServer) },
    // Its own session: Ctrl-C and a closed terminal do not reach it before the service has drained.
    detached: true,
    windowsHide: true,
    // A file and not a pipe, for it may live longer than this process.
    stdio: ["ignore", log, log],
  })
  closeSync(log)
  child.once("error", (error) => Deferred.doneUnsafe(exit, Effect.succeed(errorText(error))))
  child.once("exit", (code, name) =>
    Deferred.doneUnsafe(exit, Effect.succeed(name === null ? `exit code ${code}` : `signal ${name}`)),
  )
  child.unref()
  const pid = child.pid ?? 0
  return { pid, life: lifeOf(pid), port, exited: Deferred.await(exit) }
}

/** SIGINT ends the sessions and writes everything; the others are for a server that hangs. */
const signals = [
  { name: "SIGINT", wait: "10 seconds" },
  { name: "SIGQUIT", wait: "6 seconds" },
  { name: "SIGKILL", wait: "2 seconds" },
] as const

/** Asks the server to end, more strongly each time, and waits until it has. */
export const stop = Effect.fnUntraced(function* ({ pid, life, exited }: Postmaster) {
  for (const { name, wait } of signals) {
    // The id could be another program's by now.
    if (life === undefined || lifeOf(pid) !== life) return
    signal(pid, name)
    const ended = yield* Effect.timeoutOption(Effect.interruptible(exited), wait)
    if (Option.isSome(ended)) return
    yield* Effect.logWarning(`The embedded PostgreSQL (pid ${pid}) did not stop within ${wait} of ${name}`)
  }
})
