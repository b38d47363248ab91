import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { type ServiceProcess, startService } from "../fixtures/service/ServiceProcess.ts"
import { storedCount, storedRuns } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** Until it is killed a supervisor waits 10 s. */
const PATIENCE = "10 seconds"

const started = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange("--symbols=BTCUSDT,ETHUSDT", "--rate=4000"), create], {
    concurrency: 2,
  })
  const service = yield* startService({ exchange, database, env })
  return { exchange, database, service }
})

const LogLine = Schema.fromJsonString(Schema.Struct({ level: Schema.String, message: Schema.String }))

const lastWord = ({ program }: ServiceProcess) =>
  Effect.orDie(Schema.decodeUnknownEffect(LogLine)(program.lines.at(-1) ?? ""))

it.layer(TestPostgres.layer, { excludeTestServices: true })("the end of the service", (it) => {
  const batches = [
    { signal: "SIGTERM", waits: true, env: { BATCH_SIZE: "100000", BATCH_TIMEOUT: "3600000" } },
    { signal: "SIGINT", waits: false, env: {} },
  ] as const
  for (const { env, signal, waits } of batches) {
    it.effect(`on ${signal} under load writes the open batch${waits ? ", the only one," : ""} and exits 0`, () =>
      Effect.gen(function* () {
        const { database, exchange, service } = yield* started(env)
        const received = yield* eventually("some thousand trades", service.received, (count) => count >= 3_000)
        yield* Effect.sleep("1 second")
        const { status } = yield* service.metrics
        yield* service.program.signal(signal)
        // One Ctrl-C may arrive twice: npm passes on what the terminal has sent to everybody.
        yield* service.program.signal(signal)
        assert.deepStrictEqual(yield* service.program.end(PATIENCE), { code: 0, signal: null })
        const sent = yield* exchange.sent
        const stored = yield* storedRuns(database)
        assert.sameMembers(Object.keys(stored), Object.keys(sent))
        for (const [symbol, runs] of Object.entries(stored)) {
          // a prefix: only the last trades, which were still on their way, are not there
          assert.lengthOf(runs, 1, symbol)
          assert.strictEqual(runs[0]?.first, sent[symbol]?.firstId)
          assert.isAtMost(runs[0]?.last ?? 0, sent[symbol]?.lastId ?? 0)
        }
        // What was read a second ago is in the open batch, if it is not in the database.
        assert.isAtLeast(yield* storedCount(database), waits ? received : status.totalTrades)
        assert.strictEqual(status.totalTrades === 0, waits)
        assert.strictEqual(service.program.standardError, "")
        assert.strictEqual((yield* lastWord(service)).message, "Stopped")
      }),
    )
  }

  it.effect(
    "does not wait for a database that hangs: what it holds goes to disk; on a second signal not even for that",
    () =>
      Effect.gen(function* () {
        const env = { DB_TIMEOUT: "60000" }
        const [patient, hurried] = yield* Effect.all([started(env), started(env)], { concurrency: 2 })
        const instances = [patient, hurried]
        yield* Effect.forEach(instances, ({ service }) => service.stored(500))
        yield* Effect.forEach(instances, ({ database }) =>
          Effect.flatMap(database.connected, (query) =>
            Effect.andThen(query("BEGIN"), query("LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE")),
          ),
        )
        yield* Effect.forEach(instances, ({ service }) =>
          eventually("trades on disk", service.sample("fulltape_spill_trades"), (trades) => trades > 0),
        )
        yield* Effect.forEach(instances, ({ service: { program } }) => program.signal("SIGTERM"))
        yield* Effect.sleep("600 millis")
        yield* hurried.service.program.signal("SIGTERM")
        yield* hurried.service.program.end("2 seconds")
        assert.deepStrictEqual(yield* patient.service.program.end(PATIENCE), { code: 0, signal: null })
        assert.strictEqual((yield* lastWord(patient.service)).message, "Stopped")
        assert.strictEqual(patient.service.program.standardError, "")
      }).pipe(Effect.scoped),
  )
})
