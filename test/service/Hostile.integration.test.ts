import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { positions } from "../faults/positions.ts"
import { attacks } from "../fixtures/hostile/attacks.ts"
import { hostileExchange } from "../fixtures/hostile/HostileExchange.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { type ExchangeProcess, startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, type ServiceProcess, startService } from "../fixtures/service/ServiceProcess.ts"
import { type TestDatabase, TestPostgres } from "../fixtures/service/TestPostgres.ts"
import { accounted } from "../soak/accounted.ts"

const MIB = 1024 * 1024

/** What the service may hold at most while it is attacked; in peace it is about 180 MiB. */
const MOST_MEMORY = { byClients: 512 * MIB, byExchange: 320 * MIB } as const

const ATTACK_SECONDS = 15

const IDLE = 10_000

/** For somebody else, while thousands of connections are opened. */
const ANSWER_WITHIN = "10 seconds"

/** No more files than a process has where nobody raised the limit. */
const fewFiles = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh"]

const Done = Schema.fromJsonString(
  Schema.Struct({
    /** How many idle connections were to be opened, how many were, and how many of those were open together. */
    wanted: Schema.Int,
    idle: Schema.Int,
    idleAtOnce: Schema.Int,
    malformed: Schema.Int,
    slow: Schema.Int,
    oversized: Schema.Int,
    unread: Schema.Int,
    /** Answers of 4xx. */
    refusedStatus: Schema.Int,
  }),
)

/** Everything at once, from a process of its own; gives what it did. */
const attackHttp = (port: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [
          fileURLToPath(new URL("../fixtures/hostile/client.ts", import.meta.url)),
          port,
          String(ATTACK_SECONDS),
          String(IDLE),
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      ),
    ),
    (child) =>
      Effect.callback<string>((resume) => {
        let text = ""
        child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
        child.once("close", () => resume(Effect.succeed(text)))
      }),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  ).pipe(Effect.flatMap(Schema.decodeUnknownEffect(Done)), Effect.orDie)

/** The highest RSS that is seen for as long as the effect takes. */
const highestMemory = Effect.fnUntraced(function* <A>(service: ServiceProcess, during: Effect.Effect<A>) {
  let highest = 0
  const watch = yield* service.sample("fulltape_resident_memory_bytes").pipe(
    Effect.tap((bytes) => Effect.sync(() => (highest = Math.max(highest, bytes)))),
    Effect.repeat(Schedule.spaced("250 millis")),
    Effect.forkChild,
  )
  const result = yield* during
  yield* Fiber.interrupt(watch)
  return { result, highest }
})

/** All that was sent is stored, once, whatever the service went through; it ends well, and `verify` agrees. */
const assertComplete = Effect.fnUntraced(function* (
  service: ServiceProcess,
  exchange: ExchangeProcess,
  database: TestDatabase,
) {
  const sent = yield* exchange.sent
  const query = yield* database.connected
  yield* service.program.explained(
    eventually("Everything that was sent committed", positions(query), (known) =>
      Object.entries(sent).every(([symbol, { lastId }]) =>
        known.some((position) => position.symbol === symbol && position.missing === 0 && position.high >= lastId),
      ),
    ),
  )
  yield* service.program.signal("SIGTERM")
  assert.deepStrictEqual(yield* service.program.end("15 seconds"), { code: 0, signal: null })
  const { duplicates, late, missing, rows } = yield* accounted(query, sent, sent)
  assert.deepStrictEqual({ duplicates, late, missing }, { duplicates: 0, late: 0, missing: 0 })
  const verified = yield* run(["verify"], { env: environmentOf({ exchange, database }) })
  assert.strictEqual(verified.code, 0, verified.output + verified.errors)
  return rows
})

it.layer(TestPostgres.layer, { excludeTestServices: true })("the service stays up and stores every trade", (it) => {
  it.effect(
    "while a client throws at its HTTP whatever there is, and somebody else is answered",
    () =>
      Effect.gen(function* () {
        const [exchange, database] = yield* Effect.all(
          [startExchange("--symbols=BTCUSDT,ETHUSDT", "--rate=1000"), (yield* TestPostgres).create],
          { concurrency: 2 },
        )
        const service = yield* startService({ exchange, database, prefix: fewFiles })
        yield* service.stored(1_000)
        const before = (yield* service.metrics).status.totalTrades

        let answered = 0
        const somebody = yield* service.health.pipe(
          Effect.timeout(ANSWER_WITHIN),
          Effect.tap(({ status }) =>
            Effect.sync(() => {
              assert.strictEqual(status, 200)
              answered += 1
            }),
          ),
          Effect.repeat(Schedule.spaced("250 millis")),
          Effect.forkChild,
        )
        const { highest, result: done } = yield* highestMemory(service, attackHttp(new URL(service.origin).port))
        assert.isUndefined(somebody.pollUnsafe(), "somebody was not answered")
        yield* Fiber.interrupt(somebody)

        if (done.wanted < IDLE)
          yield* Effect.logWarning(`The system lets a process open only ${done.wanted} connections`)
        assert.isAtLeast(done.idle, done.wanted)
        for (const [what, count] of Object.entries(done)) assert.isAbove(count, 50, what)
        assert.isAbove(answered, ATTACK_SECONDS)
        assert.isAtMost(highest, MOST_MEMORY.byClients)
        // Meanwhile it stored: how much of the thousand a second depends on what else the machine does.
        assert.isAbove((yield* service.metrics).status.totalTrades - before, ATTACK_SECONDS * 100)
        assert.strictEqual(yield* service.sample('fulltape_reconnects_total{cause="broken"}'), 0)
        yield* assertComplete(service, exchange, database)
      }),
    120_000,
  )

  it.effect(
    "while the exchange sends whatever it likes",
    () =>
      Effect.gen(function* () {
        const [exchange, database] = yield* Effect.all(
          [startExchange("--symbols=BTCUSDT,ETHUSDT", "--rate=1000"), (yield* TestPostgres).create],
          { concurrency: 2 },
        )
        const hostile = yield* hostileExchange(Number(new URL(exchange.restUrl).port))
        const service = yield* startService({
          exchange: { wsUrl: hostile.wsUrl, restUrl: exchange.restUrl },
          database,
          env: { MAX_RECONNECT_ATTEMPTS: "0" },
        })
        const { highest } = yield* highestMemory(
          service,
          service.program.explained(
            eventually(
              "The end of all attacks",
              Effect.sync(() => [...hostile.exchange.said.keys()]),
              () => hostile.exchange.isOver,
              "90 seconds",
            ),
          ),
        )
        assert.isTrue(service.program.isRunning)
        assert.isAtMost(highest, MOST_MEMORY.byExchange)
        assert.deepStrictEqual(hostile.exchange.deadly, [])
        // Each of those that end a connection ended one, and was cut off before much of it was read.
        for (const { name, survived } of attacks) {
          if (!survived) assert.isAtMost(hostile.exchange.said.get(name) ?? 0, 64 * MIB, name)
        }
        const { status } = yield* service.metrics
        yield* service.stored(status.totalTrades + 2_000)
        const rows = yield* assertComplete(service, exchange, database)
        assert.isAbove(rows, 2_000)
      }),
    120_000,
  )
})
