import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { type Flavour } from "./Flavour.ts"
import { preparePrograms } from "./programs.ts"
import { say } from "./say.ts"
import { startServer } from "./TestServer.ts"
import { Unavailable } from "./Unavailable.ts"

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url))
/** Where the tests are that another database may fail. */
const ofDatabase = ["test/store/PostgresServer", "test/ingest", "test/faults"]

/** What the person who started it wants of vitest. */
const wanted = process.argv.slice(2)

const isCi = !["", "0", "false"].includes(process.env["CI"] ?? "")

/**
 * Runs the tests that need a PostgreSQL server of the system (`*.services.test.ts`), on the one that
 * TEST_DATABASE_URL names or on one of each flavour, made for the run and removed afterwards. Resolves to the exit code.
 *
 * After the first flavour only those are run whose subject is the database.
 *
 * A flavour that this machine cannot have is said and left out; with CI set that is a failure.
 * Arguments of the process go to vitest.
 */
export const testOn = async (flavours: ReadonlyArray<Flavour>): Promise<number> => {
  const tests = new Tests()
  const url = process.env["TEST_DATABASE_URL"] ?? ""
  // Who names a server may be on a machine without Debian's packages.
  const programs = preparePrograms({ mustHave: isCi && url === "" })
  try {
    if (url !== "") return await tests.run(url, wanted)
    let { code } = programs
    for (const [index, flavour] of flavours.entries()) {
      const filters = index > 0 && wanted.length === 0 ? ofDatabase : wanted
      code = Math.max(code, await testOnNew(flavour, tests, filters))
    }
    return code
  } finally {
    programs.remove()
  }
}

const testOnNew = async (flavour: Flavour, tests: Tests, filters: ReadonlyArray<string>): Promise<number> => {
  if (tests.stopped) return 1
  try {
    const server = await startServer(flavour)
    try {
      say(`Testing on ${server.description}`)
      return await tests.run(server.url, filters)
    } finally {
      await server.stop()
    }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    say(
      isCi
        ? `FAILED: ${error.message} TEST_DATABASE_URL may name a server instead.`
        : `SKIPPED, the tests on ${flavour.name} did not run: ${error.message} Set TEST_DATABASE_URL to run them on a server of yours.`,
    )
    return isCi ? 1 : 0
  }
}

/** Runs of vitest that a signal ends, the one that is running and those that would follow. */
class Tests {
  #running: ChildProcess | undefined
  #stopped = false

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        this.#stopped = true
        this.#running?.kill(signal)
      })
    }
  }

  get stopped(): boolean {
    return this.#stopped
  }

  async run(url: string, filters: ReadonlyArray<string>): Promise<number> {
    if (this.#stopped) return 1
    const args = [vitest, "run", "--project", "services", ...filters]
    this.#running = spawn(process.execPath, args, {
      stdio: "inherit",
      env: { ...process.env, TEST_DATABASE_URL: url },
    })
    const [code] = await once(this.#running, "exit")
    return typeof code === "number" && !this.#stopped ? code : 1
  }
}
