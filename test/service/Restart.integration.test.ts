import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { join } from "node:path"
import { openFolder } from "../../src/store/embedded/Folder.ts"
import { findPostmaster } from "../../src/store/embedded/postmasterPid.ts"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { endServer, temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { storedCount, storedRuns } from "../fixtures/service/stored.ts"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"

/** The process id of the server in a data folder. */
const serverIn = (dataDir: string) =>
  Effect.map(openFolder(dataDir), (folder) => {
    const found = findPostmaster(folder)
    return found._tag === "Running" ? found.pid : undefined
  })

/** Looks into the database while a service runs it. */
const looking = (dataDir: string) =>
  Effect.map(EmbeddedPostgres, ({ url }) => databaseAt(Redacted.value(url))).pipe(
    Effect.flatMap((database) => Effect.all({ runs: storedRuns(database), count: storedCount(database) })),
    Effect.provide(EmbeddedPostgres.layerAttach({ dataDir })),
  )

describe("a service with its own database", () => {
  it.live("goes on storing on the same data after a kill -9, and takes over the server that it left", () =>
    Effect.gen(function* () {
      const dataDir = join(yield* temporaryFolder, "not", "there yet")
      const exchange = yield* startExchange("--symbols=BTCUSDT,ETHUSDT", "--rate=2000")
      const options = { exchange, env: { DATA_DIR: dataDir }, endWith: "SIGTERM" } as const

      const killed = yield* startService(options)
      yield* killed.stored(1_000)
      yield* killed.program.signal("SIGKILL")
      assert.deepStrictEqual(yield* killed.program.end(), { code: null, signal: "SIGKILL" })
      const orphan = yield* serverIn(dataDir)
      assert.isDefined(orphan)
      yield* endServer(orphan ?? 0)

      const service = yield* startService(options)
      yield* service.program.line(new RegExp(`Taking over the embedded PostgreSQL .*\\(pid ${orphan}\\)`))
      assert.strictEqual(yield* serverIn(dataDir), orphan)
      const before = yield* looking(dataDir)
      assert.isAtLeast(before.count, 1_000)
      const { status } = yield* service.stored(1_000)
      // What the killed one stored is there as it was, and what the exchange sent to nobody is fetched.
      const whole = yield* eventually("no hole is left", looking(dataDir), ({ runs }) =>
        ["BTCUSDT", "ETHUSDT"].every((symbol) => runs[symbol]?.length === 1),
      )
      assert.isAtLeast(whole.count, Math.max(before.count, status.totalTrades))
      for (const symbol of ["BTCUSDT", "ETHUSDT"]) {
        assert.strictEqual(whole.runs[symbol]?.[0]?.first, before.runs[symbol]?.[0]?.first)
      }

      const { code, errors, output } = yield* run([], { env: environmentOf(options) })
      assert.strictEqual(code, 1)
      assert.include(output + errors, `is in use by another Fulltape (pid ${service.program.pid}): stop that one`)
      assert.notInclude(output + errors, "    at ")
      assert.strictEqual((yield* service.health).status, 200)

      yield* service.program.signal("SIGTERM")
      assert.deepStrictEqual(yield* service.program.end("10 seconds"), { code: 0, signal: null })
      assert.isUndefined(yield* serverIn(dataDir))
    }),
  )
})
