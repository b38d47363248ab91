import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, chownSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { unprivileged } from "../../scripts/services/account.ts"
import { say } from "../../scripts/services/say.ts"
import { childrenOf } from "../faults/childrenOf.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { ProgramCommand, run, start } from "../fixtures/service/Program.ts"
import { request } from "../fixtures/service/request.ts"
import { STORING } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { systemProgram } from "../fixtures/service/systemProgram.ts"
import * as dockerfile from "./dockerfile.ts"
import { layOutImage } from "./layOutImage.ts"
import { newDatabase } from "./newDatabase.ts"
import { refusal, sandboxed } from "./sandbox.ts"

const program = systemProgram("TEST_BWRAP", "bwrap")
const bwrap = program ?? ""

/** A container of CI may have no user namespaces; the image itself is started beside it. */
const isRefused = (): boolean => {
  const why = program === undefined ? undefined : refusal(program)
  if (why !== undefined) say(`SKIPPED, the tests of the image: ${why}`)
  return why !== undefined
}

const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]

/** Other programs share the machine that the tests run on; where nothing else runs, the workflow of GitHub asks for 2 s. */
const STARTED_WITHIN = 20_000

/** Runs something that the image holds, in the image, to its end. */
const inside = (prefix: ReadonlyArray<string>, ...command: ReadonlyArray<string>) =>
  Effect.provideService(run(command), ProgramCommand, prefix)

/** The folder that holds what the image does. */
const image = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, "data"))
  const user = unprivileged()
  if (user !== undefined) chownSync(join(folder, "data"), user.uid, user.gid)
  layOutImage(folder)
  return folder
})

/** What a process in it may do, as it says itself: where it can write, and with which rights. */
const rights = `
  const { readFileSync, writeFileSync } = require("node:fs")
  const can = (folder) => { try { writeFileSync(folder + "/written", ""); return "written" } catch ({ code }) { return code } }
  const status = readFileSync("/proc/self/status", "utf8")
  const of = (name) => status.match(new RegExp("^" + name + ":\\\\s*(\\\\S+)", "m"))[1]
  console.log(JSON.stringify({
    written: Object.fromEntries(["/", "/app", "/app/dist", "/usr", "/etc", "/data"].map((folder) => [folder, can(folder)])),
    root: process.getuid() === 0, effective: Number("0x" + of("CapEff")), bounded: of("NoNewPrivs"), pid: process.pid,
  }))`

describe.skipIf(program === undefined || isRefused())("the image", () => {
  it.live(
    "can write in /data alone, starts, stores, and stops within 10 s of SIGTERM under load",
    () =>
      Effect.gen(function* () {
        const folder = yield* image
        const prefix = sandboxed(bwrap, folder)
        const { errors, output } = yield* inside(prefix, "node", "--eval", rights)
        assert.strictEqual(errors, "")
        const EROFS = "EROFS"
        assert.deepStrictEqual(JSON.parse(output), {
          written: { "/": EROFS, "/app": EROFS, "/app/dist": EROFS, "/usr": EROFS, "/etc": EROFS, "/data": "written" },
          root: false,
          effective: 0,
          bounded: "1",
          pid: 1,
        })

        const [exchange, database] = yield* Effect.all([
          startExchange("--rate=2000", `--symbols=${symbols.join(",")}`),
          newDatabase,
        ])
        const settings = {
          DATABASE_URL: database.url,
          BINANCE_WS_URL: exchange.wsUrl,
          BINANCE_REST_URL: exchange.restUrl,
          BINANCE_SYMBOLS: symbols.join(","),
          PORT: "0",
        }
        const began = performance.now()
        const service = yield* start(dockerfile.command, {
          endWith: "SIGTERM",
        }).pipe(Effect.provideService(ProgramCommand, sandboxed(bwrap, folder, settings)))
        const line = yield* service.line(/Listening on http/, "30 seconds")
        const port = /:(\d+) /.exec(line)?.[1] ?? ""
        yield* service.line(STORING, "30 seconds")
        const answer = yield* request(`http://127.0.0.1:${port}/health/db`)
        const startedIn = performance.now() - began
        assert.strictEqual(answer.status, 200)
        yield* service.explained(
          eventually("10,000 trades", storedCount(database), (count) => count >= 10_000, "40 seconds"),
        )
        const healthy = yield* inside(sandboxed(bwrap, folder, { PORT: port }), ...dockerfile.healthcheck)
        assert.strictEqual(healthy.code, 0, healthy.errors)

        const [one] = childrenOf(service.pid)
        assert.isDefined(one)
        const asked = performance.now()
        process.kill(one ?? 0, "SIGTERM")
        assert.deepStrictEqual(yield* service.end("30 seconds"), { code: 0, signal: null })
        const stoppedIn = performance.now() - asked
        const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`
        yield* Effect.log(`The image started in ${seconds(startedIn)} and stopped in ${seconds(stoppedIn)}.`)
        assert.isAtMost(startedIn, STARTED_WITHIN)
        assert.isAtMost(stoppedIn, 10_000)
        const verified = yield* inside(sandboxed(bwrap, folder, settings), ...dockerfile.command, "verify")
        assert.notMatch(verified.output, /^ {2}lost/m, verified.output)
      }),
    300_000,
  )
})
