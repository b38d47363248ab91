import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** What a service needs only for a setting that is not made here, or that only other commands need. */
const unneeded =
  /\/node_modules\/(@opentelemetry|@effect\/opentelemetry|@redis|undici)\/|\/src\/simulator\/|\/compareWithRest\./

it.layer(TestPostgres.layer, { excludeTestServices: true })("the service", (it) => {
  it.effect("loads nothing of OpenTelemetry, Redis, the simulator and other commands where it does without", () =>
    Effect.gen(function* () {
      const { create } = yield* TestPostgres
      const [exchange, database, folder] = yield* Effect.all([startExchange("--rate=1000"), create, temporaryFolder], {
        concurrency: 3,
      })
      const to = join(folder, "modules")
      const writer = new URL("../fixtures/loadedModules.ts", import.meta.url)
      writer.searchParams.set("to", to)
      const env = { NODE_OPTIONS: `--import=${writer.href}` }
      const service = yield* startService({ exchange, database, env })
      yield* service.stored(100)
      const loaded = readFileSync(to, "utf8").split("\n")
      for (const needed of ["/src/cli/serve.ts", "/src/ingest/Ingest.ts", "/src/api/Http.ts"]) {
        assert.isTrue(
          loaded.some((path) => path.endsWith(needed)),
          `${needed} was not seen`,
        )
      }
      assert.deepStrictEqual(
        loaded.filter((path) => unneeded.test(path)),
        [],
      )
    }),
  )
})
