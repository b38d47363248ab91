import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process"
import { once } from "node:events"
import { Unavailable } from "./Unavailable.ts"

/** A server that answers. */
export interface Postmaster {
  readonly pid: number
  /** As administrators do it; resolves when its last process is gone, as the next one does. */
  readonly stop: () => Promise<void>
  /** Without a word to anybody, and without writing what it has in memory. */
  readonly stopImmediately: () => Promise<void>
}

/** Starts PostgreSQL's first process; resolves when it takes connections. */
export const startPostmaster = async (
  [file = "", ...args]: ReadonlyArray<string>,
  options: SpawnOptions,
): Promise<Postmaster> => {
  // A process group of its own: Ctrl-C must not take the server away from tests that are ending.
  const server = spawn(file, args, { ...options, detached: true, stdio: ["ignore", "ignore", "pipe"] })
  await ready(server)
  return {
    pid: server.pid ?? 0,
    stop: () => end(server, "SIGINT"),
    stopImmediately: () => end(server, "SIGQUIT"),
  }
}

const ready = (server: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let log = ""
    const late = setTimeout(() => server.kill("SIGQUIT"), 60_000)
    server.stderr?.on("data", (chunk: Buffer) => {
      log = `${log}${chunk.toString()}`.slice(-10_000)
      if (log.includes("database system is ready to accept connections")) {
        clearTimeout(late)
        resolve()
      }
    })
    server.once("error", reject)
    server.once("exit", () => {
      clearTimeout(late)
      reject(new Unavailable(`The server did not start:\n${log}`))
    })
  })

const end = async (server: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, "exit")
  server.kill(signal)
  const late = setTimeout(() => server.kill("SIGQUIT"), 10_000)
  await ended
  clearTimeout(late)
}
