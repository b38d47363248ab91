import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { unprivileged } from "./account.ts"
import { type Flavour } from "./Flavour.ts"
import { Unavailable } from "./Unavailable.ts"

/** A server for one run of the tests, on loopback and a free port, behind a random password. */
export interface TestServer {
  readonly description: string
  /** Of a superuser. */
  readonly url: string
  /** Stops it and removes all that it wrote. */
  readonly stop: () => Promise<void>
}

export const startServer = async (flavour: Flavour): Promise<TestServer> => {
  const folder = mkdtempSync(join(tmpdir(), "fulltape-services-"))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  try {
    const user = unprivileged()
    const bin = flavour.programs(folder)
    const password = randomBytes(16).toString("hex")
    writeFileSync(join(folder, "password"), password, { mode: 0o600 })
    if (user !== undefined) for (const path of [folder, join(folder, "password")]) chownSync(path, user.uid, user.gid)
    // In a folder that the user of the server may enter, and without the PGPORT or PGDATA of whoever runs the tests.
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"))
    const run = { ...user, cwd: folder, env: { ...Object.fromEntries(environment), LC_ALL: "C" } }
    const finish = (program: string, args: ReadonlyArray<string>, input = "") => {
      const done = spawnSync(join(bin, program), args, { ...run, input, encoding: "utf8" })
      if (done.status !== 0) throw Unavailable.after(`${program} failed`, done)
      return done.stdout.trim()
    }

    const initdb = ["-D", "cluster", "-U", "fulltape", "-A", "scram-sha-256", "--pwfile=password"]
    finish("initdb", [...initdb, "-E", "UTF8", "--no-locale", "--no-sync"])
    const create = flavour.extensions.map((name) => `CREATE EXTENSION ${name}\n`).join("")
    const values = { ...flavour.settings, fsync: "off" }
    const single = ["--single", "-D", "cluster", ...settings({ ...values, exit_on_error: "on" })]
    if (create !== "")
      for (const database of ["template1", "postgres"]) finish("postgres", [...single, database], create)

    const port = await freePort()
    const here = { listen_addresses: "127.0.0.1", port: `${port}`, unix_socket_directories: "" }
    // A process group of its own: Ctrl-C must not take the server away from tests that are ending.
    const server = spawn(join(bin, "postgres"), ["-D", "cluster", ...settings({ ...values, ...here })], {
      ...run,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    })
    await ready(server)
    return {
      description: `${flavour.name}, ${finish("postgres", ["--version"])}, a temporary server on port ${port}`,
      url: `postgres://fulltape:${password}@127.0.0.1:${port}/postgres`,
      stop: async () => {
        await stop(server)
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

const settings = (values: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`])

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  if (address === null || typeof address === "string") throw new Unavailable("There is no free port on 127.0.0.1.")
  return address.port
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

const stop = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, "exit")
  server.kill("SIGINT")
  const late = setTimeout(() => server.kill("SIGQUIT"), 10_000)
  await ended
  clearTimeout(late)
}
