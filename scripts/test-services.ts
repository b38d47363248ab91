/**
 * Runs the tests that need a PostgreSQL server of the system (`*.services.test.ts`), on the one that
 * TEST_DATABASE_URL names or on one that is made for the run from Debian's packages and removed afterwards.
 *
 * Where there is none and none can be installed, it says so and succeeds; with CI set it fails.
 * Arguments go to vitest.
 */
import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url))
const debian = "/usr/lib/postgresql"
const isRoot = process.getuid?.() === 0
const isCi = !["", "0", "false"].includes(process.env["CI"] ?? "")

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** What ends the run with a sentence. */
class Unavailable extends Error {}

interface Server {
  readonly url: string
  readonly stop: () => Promise<void>
}

let tests: ChildProcess | undefined
let asked: NodeJS.Signals | undefined
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    asked = signal
    tests?.kill(signal)
  })
}

const main = async (): Promise<number> => {
  const url = process.env["TEST_DATABASE_URL"] ?? ""
  if (url !== "") return runTests(url)
  const server = await startServer(installedPrograms() ?? install())
  try {
    return await runTests(server.url)
  } finally {
    await server.stop()
  }
}

const runTests = async (url: string): Promise<number> => {
  if (asked !== undefined) return 1
  const args = [vitest, "run", "--project", "services", ...process.argv.slice(2)]
  tests = spawn(process.execPath, args, { stdio: "inherit", env: { ...process.env, TEST_DATABASE_URL: url } })
  const [code] = await once(tests, "exit")
  return typeof code === "number" && asked === undefined ? code : 1
}

/** The folder of the newest server that is installed the way Debian does it. */
const installedPrograms = (): string | undefined => {
  const versions = existsSync(debian) ? readdirSync(debian).filter((name) => /^\d+$/.test(name)) : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")) && existsSync(join(bin, "postgres")))
}

const install = (): string => {
  if (!existsSync("/usr/bin/apt-get")) throw new Unavailable("This machine has no PostgreSQL server and no apt-get.")
  if (!isRoot && spawnSync("sudo", ["-n", "true"]).status !== 0)
    throw new Unavailable("This machine has no PostgreSQL server, and only root may install one.")
  say("Installing the package postgresql …")
  // Debian's package would make and start a server of its own on port 5432; nobody asked for that one.
  const settings = "/etc/postgresql-common/createcluster.conf"
  const done = asRoot(
    `set -e
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e ${settings} ]; then
      mkdir -p "$(dirname ${settings})"
      echo 'create_main_cluster = false' > ${settings}
      # Afterwards the package's own settings stand there, as if it had been installed by hand.
      trap 'rm ${settings}; if [ -e ${settings}.ucf-dist ]; then mv ${settings}.ucf-dist ${settings}; fi' EXIT
    fi
    apt-get update
    apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold postgresql`,
  )
  if (done.status !== 0) throw new Unavailable(`The package postgresql could not be installed: ${lastLine(done)}`)
  const bin = installedPrograms()
  if (bin === undefined) throw new Unavailable(`The package postgresql brought no server below ${debian}.`)
  return bin
}

const asRoot = (script: string): SpawnSyncReturns<string> => {
  const [file = "", ...args] = [...(isRoot ? [] : ["sudo", "-n"]), "sh", "-c", script]
  return spawnSync(file, args, { encoding: "utf8" })
}

const lastLine = ({ stderr, stdout }: SpawnSyncReturns<string>): string =>
  (stderr.trim() || stdout.trim()).split("\n").at(-1) ?? ""

/** A server with a database of its own, on loopback and a free port, behind a random password. */
const startServer = async (bin: string): Promise<Server> => {
  const folder = mkdtempSync(join(tmpdir(), "fulltape-services-"))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  try {
    const user = unprivileged()
    const password = randomBytes(16).toString("hex")
    writeFileSync(join(folder, "password"), password, { mode: 0o600 })
    if (user !== undefined) for (const path of [folder, join(folder, "password")]) chownSync(path, user.uid, user.gid)
    // In a folder that the user of the server may enter, and without the PGPORT or PGDATA of whoever runs the tests.
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"))
    const run = { ...user, cwd: folder, env: { ...Object.fromEntries(environment), LC_ALL: "C" } }

    const initdb = ["-D", "cluster", "-U", "fulltape", "-A", "scram-sha-256", "--pwfile=password"]
    const made = spawnSync(join(bin, "initdb"), [...initdb, "-E", "UTF8", "--no-locale", "--no-sync"], {
      ...run,
      encoding: "utf8",
    })
    if (made.status !== 0) throw new Unavailable(`initdb failed: ${made.error?.message ?? lastLine(made)}`)

    const port = await freePort()
    const options = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", fsync: "off" }
    const args = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    // A process group of its own: Ctrl-C must not take the server away from tests that are ending.
    const server = spawn(join(bin, "postgres"), ["-D", "cluster", ...args], {
      ...run,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    })
    await ready(server)
    say(`Testing on ${bin}, a temporary server on port ${port}`)
    return {
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

/** PostgreSQL refuses to run as root. */
const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (!isRoot) return undefined
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
  const account = ["postgres", "nobody"].flatMap((name) => accounts.filter(([found]) => found === name)).at(0)
  if (account === undefined) throw new Unavailable("There is no user postgres or nobody to run the server as.")
  return { uid: Number(account[2]), gid: Number(account[3]) }
}

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

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Unavailable)) throw error
  say(
    isCi
      ? `FAILED: ${error.message} TEST_DATABASE_URL may name a server instead.`
      : `SKIPPED, the tests of PostgreSQL servers did not run: ${error.message} Set TEST_DATABASE_URL to run them on a server of yours.`,
  )
  process.exitCode = isCi ? 1 : 0
}
