import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { unprivileged } from "./account.ts"
import { type Flavour } from "./Flavour.ts"
import { startPostmaster } from "./Postmaster.ts"
import { Unavailable } from "./Unavailable.ts"

/** A server for one run of the tests, on loopback and a free port, behind a random password. */
export interface TestServer {
  readonly description: string
  /** Of a superuser. */
  readonly url: string
  /** Of the first of its processes; another one after each start. */
  readonly pid: () => number
  /** As `pg_ctl stop -m immediate` does it: without a word to anybody. */
  readonly stopImmediately: () => Promise<void>
  /** After that: at the same address, with the same databases. */
  readonly startAgain: () => Promise<void>
  /** Stops it and removes all that it wrote. */
  readonly stop: () => Promise<void>
}

/** `before` stands before the command of the server. */
export const startServer = async (flavour: Flavour, before: ReadonlyArray<string> = []): Promise<TestServer> => {
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
    const command = [...before, join(bin, "postgres"), "-D", "cluster", ...settings({ ...values, ...here })]
    let server = await startPostmaster(command, run)
    return {
      description: `${flavour.name}, ${finish("postgres", ["--version"])}, a temporary server on port ${port}`,
      url: `postgres://fulltape:${password}@127.0.0.1:${port}/postgres`,
      pid: () => server.pid,
      stopImmediately: () => server.stopImmediately(),
      startAgain: async () => {
        server = await startPostmaster(command, run)
      },
      stop: async () => {
        await server.stop()
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
