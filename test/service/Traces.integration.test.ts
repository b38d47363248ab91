import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type Collector, type ReceivedSpan, startCollector } from "../fixtures/Collector.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { request } from "../fixtures/service/request.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const started = Effect.fnUntraced(function* (
  collector: Collector,
  { env = {}, rate = 1_000 }: { readonly env?: Readonly<Record<string, string>>; readonly rate?: number } = {},
) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange(`--rate=${rate}`), create], { concurrency: 2 })
  const service = yield* startService({
    exchange,
    database,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint.href, OTEL_BSP_SCHEDULE_DELAY: "200", ...env },
  })
  const stop = Effect.gen(function* () {
    yield* service.program.signal("SIGTERM")
    const askedAt = performance.now()
    const ended = yield* service.program.end("10 seconds")
    assert.deepStrictEqual(ended, { code: 0, signal: null }, service.program.lines.slice(-10).join("\n"))
    return performance.now() - askedAt
  })
  return { exchange, database, service, stop }
})

const arrives = (collector: Collector, name: string) =>
  eventually(
    `A span ${name}`,
    Effect.sync(() => collector.named(name)),
    (spans) => spans.length > 0,
  )

const tradesIn = (batches: ReadonlyArray<ReceivedSpan>): number =>
  batches.reduce((sum, { attributes }) => sum + Number(attributes["batch.size"]), 0)

const LogLine = Schema.fromJsonString(
  Schema.Struct({
    level: Schema.String,
    message: Schema.String,
    traceId: Schema.optionalKey(Schema.String),
    spanId: Schema.optionalKey(Schema.String),
  }),
)
const readLine = Schema.decodeUnknownSync(LogLine)

const TRACE = "0af7651916cd43dd8448eb211c80319c"

it.layer(TestPostgres.layer, { excludeTestServices: true })("the traces of the service", (it) => {
  it.effect("tell each batch from socket to commit, each connection, rotation, repair and request", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      const { database, exchange, service, stop } = yield* started(collector, { env: { ROTATE_AFTER: "3 seconds" } })
      yield* service.stored(200)
      yield* exchange.inject([{ kind: "drop" }])
      const asked = { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } }
      yield* request(`${service.origin}/docs`, asked)
      for (const probe of ["/health", "/health/db", "/metrics"]) yield* request(`${service.origin}${probe}`, asked)
      yield* arrives(collector, "BinanceFeed.rotation")
      yield* arrives(collector, "GapRepair.page")
      yield* stop

      const { below, named, spans } = collector
      for (const { resource } of collector.received) {
        assert.deepInclude(resource, {
          "service.name": "fulltape",
          "service.version": "0.1.0",
          "deployment.environment.name": "development",
        })
      }
      const [{ name } = { name: "" }] = yield* database.query("SELECT current_database()::text AS name")
      const statement = { [String(name)]: {} }

      const batches = named("Ingest.batch")
      assert.isAbove(batches.length, 5)
      for (const batch of batches) {
        assert.isUndefined(batch.parentSpanId)
        assert.deepStrictEqual(below(batch), { "Ingest.queue": {}, "TradeStore.write": statement })
        const { attributes, duration } = batch
        assert.deepStrictEqual(Object.keys(attributes).sort(), [
          "batch.ids",
          "batch.size",
          "batch.symbol_count",
          "batch.symbols",
          "batch.wait",
        ])
        assert.isAtMost(Number(attributes["batch.size"]), 100)
        assert.match(String(attributes["batch.ids"]), /^(BTC|ETH)USDT \d+-\d+(,(BTC|ETH)USDT \d+-\d+)?$/)
        assert.isAtLeast(duration, Number(attributes["batch.wait"]) * 1_000)
      }

      const dialled = named("BinanceFeed.connect")
      const connects = { "DialBudget.take": {}, "BinanceSocket.open": {}, "BinanceFeed.subscribe": {} }
      for (const connect of dialled) {
        assert.deepStrictEqual(below(connect), connects)
        assert.deepInclude(connect.attributes, { "connection.name": "binance-1", "server.address": "127.0.0.1" })
        assert.isBelow(connect.duration, 2_000)
      }
      const [rotation] = named("BinanceFeed.rotation")
      assert.deepStrictEqual(rotation && below(rotation), { "BinanceFeed.connect": connects })
      assert.isTrue(dialled.some((connect) => connect.parentSpanId === undefined))

      const pages = named("GapRepair.page")
      const leases = named("GapRepair.lease").map(({ spanId }) => spanId)
      for (const page of pages) {
        assert.deepInclude(below(page), { "TradeHistory.page": { GET: {} }, "TradeStore.repair": statement })
        assert.includeMembers(leases, [...page.links])
      }
      // One that a look found for which nobody asked has none.
      assert.isTrue(pages.some(({ links }) => links.length === 1))

      const [migration] = named("Database.migrate")
      assert.strictEqual(migration?.attributes["migrations.applied"], named("Migrator 1_trades").length * 5)

      // What was asked for is part of the trace of who asked; probes are none.
      const served = spans.filter(({ kind, name }) => name === "GET" && kind === 2)
      assert.deepStrictEqual(
        served.map(({ attributes, parentSpanId, traceId }) => [attributes["url.path"], parentSpanId, traceId]),
        [["/docs", "b7ad6b7169203331", TRACE]],
      )

      // Every trace has a name of ours, and nothing hangs below a span that never ends.
      const ids = new Set(spans.map(({ spanId }) => spanId))
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
      for (const { name } of roots) assert.match(name, /^(checkSymbols|[A-Z]\w+\.\w+)$/)
      for (const { kind, name, parentSpanId } of spans) {
        if (parentSpanId !== undefined && kind !== 2) assert.isTrue(ids.has(parentSpanId), name)
      }
      const statementSpan = spans.find(({ name }) => name in statement)
      const { hostname, port } = new URL(database.url)
      assert.deepInclude(statementSpan?.attributes, {
        "db.system.name": "postgresql",
        "server.address": hostname,
        "server.port": Number(port),
      })

      // Lines name the span that they were written in.
      const lines = service.program.lines.map((line) => readLine(line))
      const traced = lines.filter(({ traceId }) => traceId !== undefined)
      assert.isTrue(traced.some(({ message }) => message === "Batch processed"))
      for (const { message, spanId = "", traceId } of traced) {
        assert.strictEqual(spans.find((span) => span.spanId === spanId)?.traceId, traceId, message)
      }
    }).pipe(Effect.scoped),
  )

  it.effect("lose no batch, the one that was open at the stop included", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      // Nothing is sent before the end, but for what is too much to hold.
      const env = { OTEL_BSP_SCHEDULE_DELAY: "60000", BATCH_TIMEOUT: "60000", BATCH_SIZE: "20" }
      const { database, service, stop } = yield* started(collector, { env, rate: 4_000 })
      yield* service.stored(6_000)
      yield* stop
      const batches = collector.named("Ingest.batch")
      assert.strictEqual(tradesIn(batches), yield* storedCount(database))
      assert.lengthOf(collector.named("Ingest.queue"), batches.length)
      // A batch of more than 1,000 trades is written in two parts.
      const parts = batches.map(({ attributes }) => (Number(attributes["batch.size"]) > 1_000 ? 2 : 1))
      assert.lengthOf(
        collector.named("TradeStore.write"),
        parts.reduce<number>((sum, count) => sum + count, 0),
      )
    }).pipe(Effect.scoped),
  )

  it.effect("say of a batch that it went to disk, and of what was committed from there", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      const { database, service, stop } = yield* started(collector)
      yield* service.stored(200)
      const query = yield* database.connected
      yield* query("BEGIN")
      yield* query("LOCK TABLE raw_trades IN ACCESS EXCLUSIVE MODE")
      yield* eventually("trades on disk", service.sample("fulltape_spill_trades"), (trades) => trades > 500)
      yield* query("ROLLBACK")
      yield* eventually("an empty disk", service.sample("fulltape_spill_trades"), (trades) => trades === 0)
      yield* stop
      const { below, named } = collector
      const spilled = named("Ingest.batch").filter(({ attributes }) => attributes["batch.spilled"] === true)
      assert.isAbove(tradesIn(spilled), 500)
      for (const batch of spilled) assert.property(below(batch), "Spill.append")
      const drained = named("Ingest.drain").filter(({ isError }) => !isError)
      assert.strictEqual(tradesIn(drained), tradesIn(spilled))
      for (const drain of drained) {
        assert.isUndefined(drain.parentSpanId)
        assert.sameMembers(Object.keys(below(drain)), ["TradeStore.write", "Spill.remove"])
      }
    }).pipe(Effect.scoped),
  )

  it.effect("are none with a sampling ratio of 0, and neither are their ids in the lines", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      const env = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }
      const { service, stop } = yield* started(collector, { env })
      yield* service.stored(1_000)
      yield* stop
      assert.deepStrictEqual(collector.received, [])
      assert.notInclude(service.program.lines.join(), "traceId")
    }).pipe(Effect.scoped),
  )

  it.effect("are as many as the sampling ratio says, whole ones", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      const env = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5", BATCH_SIZE: "10" }
      const { database, service, stop } = yield* started(collector, { env, rate: 2_000 })
      yield* service.stored(5_000)
      yield* stop
      const batches = collector.named("Ingest.batch")
      const share = tradesIn(batches) / (yield* storedCount(database))
      assert.isAbove(share, 0.3)
      assert.isBelow(share, 0.7)
      // On a busy machine the database may be slow enough for one to go to disk.
      for (const batch of batches) {
        const [first, ...then] = Object.keys(collector.below(batch)).sort()
        assert.strictEqual(first, "Ingest.queue")
        assert.isTrue(then.length > 0 && then.every((name) => ["Spill.append", "TradeStore.write"].includes(name)))
      }
    }).pipe(Effect.scoped),
  )

  it.effect("cost one warning, and neither trades nor the end of the service, while the collector is away", () =>
    Effect.gen(function* () {
      const collector = yield* startCollector()
      collector.close()
      const env = {
        OTEL_BSP_SCHEDULE_DELAY: "100",
        OTEL_BSP_MAX_QUEUE_SIZE: "64",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "32",
      }
      const { database, exchange, service, stop } = yield* started(collector, { env, rate: 3_000 })
      yield* service.stored(20_000)
      const { status } = yield* service.metrics
      // The drain, and 2 s for the spans that nobody takes.
      assert.isBelow(yield* stop, 4_000)
      assert.isAtLeast(yield* storedCount(database), status.totalTrades)
      assert.isAtMost(Object.values(yield* exchange.sent).length, 6)
      const warnings = service.program.lines.map((line) => readLine(line)).filter(({ level }) => level === "warn")
      assert.lengthOf(warnings, 1, JSON.stringify(warnings))
      assert.match(warnings[0]?.message ?? "", /^The collector at 127\.0\.0\.1:\d+ does not take traces/)
      assert.strictEqual(service.program.standardError, "")
    }).pipe(Effect.scoped),
  )
})
