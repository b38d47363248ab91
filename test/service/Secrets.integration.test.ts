import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { startCollector } from "../fixtures/Collector.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { type Program, run, start } from "../fixtures/service/Program.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** Each as it is, and as an address writes it. */
const passwords = ["tiger/of the sea", "otter@midnight", "walrus:polka", "heron+token"]
const spellings = passwords.flatMap((password) => [password, encodeURIComponent(password), encodeURI(password)])
const [right = "", wrong = "", redis = "", token = ""] = passwords

const withPassword = (address: string, user: string, password: string): string => {
  const url = new URL(address)
  url.username = user
  url.password = encodeURIComponent(password)
  return url.href
}

it.layer(TestPostgres.layer, { excludeTestServices: true })("passwords", (it) => {
  it.effect("are in nothing that the program prints, writes into files or exports", () =>
    Effect.gen(function* () {
      const { create, whileStopped } = yield* TestPostgres
      const collector = yield* startCollector()
      const logs = yield* temporaryFolder
      const [exchange, database] = yield* Effect.all([startExchange("--rate=1000"), create], { concurrency: 2 })
      yield* database.query(`CREATE ROLE zoo LOGIN PASSWORD '${right}'`)
      yield* database.query("GRANT ALL ON SCHEMA public TO zoo")
      const url = withPassword(database.url, "zoo", right)
      const env = {
        REDIS_URL: `redis://:${encodeURIComponent(redis)}@127.0.0.1:1/0`,
        LOG_LEVEL: "debug",
        LOG_DIR: logs,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint.href,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(token)}`,
        OTEL_BSP_SCHEDULE_DELAY: "200",
      }
      const printed: Array<string> = []
      const keep = (program: Program) => printed.push(...program.lines, program.standardError)
      const environment = environmentOf({ exchange, database: { url }, env })

      const migrated = yield* run(["migrate"], { env: environment })
      assert.strictEqual(migrated.code, 0, migrated.errors)
      keep(migrated.program)

      const service = yield* startService({ exchange, database: { url }, env })
      yield* service.stored(200)
      yield* exchange.inject([{ kind: "malformed" }, { kind: "refuse", for: "1 second" }, { kind: "drop" }])
      yield* service.program.line(/refused the connection with HTTP 503/)
      yield* whileStopped(service.program.line(/The database does not take trades/))
      yield* service.program.line(/The database takes trades again/)
      yield* service.program.signal("SIGTERM")
      yield* service.program.end("12 seconds")
      keep(service.program)

      keep((yield* run(["verify"], { env: environment })).program)

      // The database refuses, or there is none; the settings are wrong.
      const refusing = withPassword(database.url, "zoo", wrong)
      const absent = withPassword(database.url.replace(/[^/]+$/, "none"), "zoo", right)
      for (const address of [refusing, absent]) {
        for (const command of ["verify", "migrate", "serve"]) {
          const { code, program } = yield* run([command], { env: { ...environment, DATABASE_URL: address } })
          // A server that trusts this machine takes any password.
          if (address === absent) assert.strictEqual(code, 1)
          keep(program)
        }
      }
      const away = withPassword("postgres://127.0.0.1:1/none", "zoo", right)
      const waiting = yield* start(["serve"], { env: { ...environment, DATABASE_URL: away, LOG_FORMAT: "pretty" } })
      yield* waiting.line(/cannot be reached/)
      yield* waiting.stop("SIGKILL")
      keep(waiting)
      for (const address of [
        url.replace("postgres:", "mysql:"),
        `postgres://zoo:${right}%zz@127.0.0.1/none`,
        `zoo:${right}@127.0.0.1`,
        withPassword("postgres://127.0.0.1:5432/", "zoo", right),
      ]) {
        const { code, program } = yield* run(["serve"], {
          env: { ...environment, DATABASE_URL: address, REDIS_URL: `redis:/${redis}`, PORT: "none" },
        })
        assert.strictEqual(code, 1)
        keep(program)
      }

      const files = readdirSync(logs).map((name) => readFileSync(join(logs, name), "utf8"))
      yield* eventually(
        "spans",
        Effect.sync(() => collector.spans.length),
        (count) => count > 50,
      )
      const exported = collector.received.map(({ text }) => text)
      assert.include(printed.join("\n"), "The database does not take trades")
      assert.include(files.join("\n"), "refused the connection with HTTP 503")
      assert.isTrue(collector.spans.some(({ isError }) => isError))
      const all = [...printed, ...files, ...exported].join("\n")
      for (const spelling of spellings) {
        const at = all.indexOf(spelling)
        assert.strictEqual(at, -1, `${spelling} is in: ${all.slice(Math.max(0, at - 200), at + 100)}`)
      }
    }).pipe(Effect.scoped),
  )
})
