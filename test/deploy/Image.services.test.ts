import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, chownSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { unprivileged } from "../../scripts/services/account.ts"
import { bubblewrap } from "../../scripts/services/bubblewrap.ts"
import { say } from "../../scripts/services/say.ts"
import { childrenOf } from "../faults/childrenOf.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { ProgramCommand, run, start } from "../fixtures/service/Program.ts"
import { request } from "../fixtures/service/request.ts"
import { STORING } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import * as dockerfile from "./dockerfile.ts"
import { findProgram, isSkipped, pathTo } from "./findProgram.ts"
import { layOutImage } from "./layOutImage.ts"
import { newDatabase } from "./newDatabase.ts"
import { refusal, sandboxed } from "./sandbox.ts"

const bwrap = findProgram({ name: "bwrap", variable: "TEST_BWRAP", fetch: bubblewrap })

/** A container of CI may have no user namespaces; the image itself is started beside it. */
const isRefused = (): boolean => {
  const why = "missing" in bwrap ? undefined : refusal(bwrap.path)
  if (why !== undefined) say(`SKIPPED, the tests of the image: ${why}`)
  return why !== undefined
}

const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]

/** One of them has to be in time: other programs share the machine that the tests run on. */
const STARTS_TO_TRY = 3

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

describe.skipIf(isSkipped("the image", bwrap) || isRefused())("the image", () => {
  it.live(
    "can write in /data alone, starts within 2 s, stores, and stops within 10 s of SIGTERM under load",
    () =>
      Effect.gen(function* () {
        const folder = yield* image
        const prefix = sandboxed(pathTo(bwrap), folder)
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
        const startedIn: Array<number> = []
        const stoppedIn: Array<number> = []
        for (let attempt = 1; attempt <= STARTS_TO_TRY; attempt++) {
          const before = yield* storedCount(database).pipe(Effect.catchDefect(() => Effect.succeed(0)))
          const began = performance.now()
          const service = yield* start(dockerfile.command, {
            endWith: "SIGTERM",
          }).pipe(Effect.provideService(ProgramCommand, sandboxed(pathTo(bwrap), folder, settings)))
          const line = yield* service.line(/Listening on http/)
          const port = /:(\d+) /.exec(line)?.[1] ?? ""
          yield* service.line(STORING)
          const answer = yield* request(`http://127.0.0.1:${port}/health/db`)
          startedIn.push(performance.now() - began)
          assert.strictEqual(answer.status, 200)
          yield* service.explained(
            eventually("10,000 trades", storedCount(database), (count) => count >= before + 10_000, "40 seconds"),
          )
          const healthy = yield* inside(sandboxed(pathTo(bwrap), folder, { PORT: port }), ...dockerfile.healthcheck)
          assert.strictEqual(healthy.code, 0, healthy.errors)

          const [one] = childrenOf(service.pid)
          assert.isDefined(one)
          const asked = performance.now()
          process.kill(one ?? 0, "SIGTERM")
          assert.deepStrictEqual(yield* service.end("30 seconds"), { code: 0, signal: null })
          stoppedIn.push(performance.now() - asked)
          assert.isAtMost(stoppedIn.at(-1) ?? 0, 10_000)
          if (startedIn.some((millis) => millis <= 2_000)) break
        }
        const seconds = (millis: ReadonlyArray<number>) =>
          millis.map((one) => `${(one / 1000).toFixed(2)} s`).join(", ")
        yield* Effect.log(`The image started in ${seconds(startedIn)} and stopped in ${seconds(stoppedIn)}.`)
        assert.isAtMost(Math.min(...startedIn), 2_000)
        const verified = yield* inside(sandboxed(pathTo(bwrap), folder, settings), ...dockerfile.command, "verify")
        assert.notMatch(verified.output, /^ {2}lost/m, verified.output)
      }),
    300_000,
  )
})
