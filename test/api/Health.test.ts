import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Predicate, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as Gauges from "../../src/telemetry/Gauges.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { inNewRegistry } from "../fixtures/inNewRegistry.ts"
import { connected, Fakes, waiting } from "./Fakes.ts"
import { answering, inProcess, json, text } from "./inProcess.ts"

const epoch = "1970-01-01T00:00:00.000Z"

const pipelineUp = { status: "up", since: epoch, detail: "The pipeline from the exchange to the database runs." }
const server = { flavour: "timescaledb-community", version: "2.29.2" }
const databaseUp = { status: "up", since: epoch, detail: "The database answers.", ...server }
const connectionUp = {
  name: "1",
  host: "stream.binance.com:9443",
  state: "connected",
  since: epoch,
  secondsSinceLastFrame: 0,
  reconnects: 0,
  rotations: 2,
  nextRotation: "1970-01-01T23:00:00.000Z",
  lastLoss: null,
  symbols: ["BTCUSDT", "ETHUSDT"],
}
const silent = (symbol: string) => ({ symbol, lastTrade: null, lagSeconds: null })
const binanceUp = {
  status: "up",
  since: epoch,
  detail: "The connection to the exchange is up.",
  connections: [connectionUp],
  symbols: [silent("BTCUSDT"), silent("ETHUSDT")],
}
const spillUp = { status: "up", since: epoch, detail: "Nothing waits on disk." }
const repairUp = { status: "up", since: epoch, detail: "No trade is missing." }

const databaseSentence =
  "The database does not answer: connect ECONNREFUSED 127.0.0.1:5432. Check that PostgreSQL runs and accepts connections; trades wait on disk meanwhile, and are stored as soon as it does."
const lossSentence =
  "No trades of SOLUSDT arrive since 1970-01-01T00:00:00.000Z: stream.binance.com:9443 cannot be reached (ECONNREFUSED). The service keeps trying; check the network and BINANCE_WS_URL if this lasts."
const endedSentence =
  "The pipeline ended by itself, and no trade is being stored: its log says why. Restart the service; what is missed is fetched then."

const paths = ["/health", "/health/live", "/health/ready", "/health/db", "/health/binance"]

/** The status of each of the paths. */
const codes = (ask: (path: string) => Effect.Effect<Response>) =>
  Effect.map(
    Effect.forEach(paths, (path) => ask(path)),
    (responses) => responses.map(({ status }) => status),
  )

/** What a path answers. */
const bodyOf = (ask: (path: string) => Effect.Effect<Response>, path: string) => Effect.flatMap(ask(path), json)

describe("/health", () => {
  it.effect("is up when everything is", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "application/json")
      assert.deepStrictEqual(yield* json(response), {
        status: "up",
        service: "fulltape",
        version: "1.2.3",
        uptime: 78.9,
        since: epoch,
        ready: true,
        checks: { pipeline: pipelineUp, database: databaseUp, binance: binanceUp, spill: spillUp, repair: repairUp },
        gaps: { open: 0, missingIds: 0 },
        frontiers: [],
        uncommitted: { trades: 0, oldestSeconds: 0 },
        spill: { trades: 0, bytes: 0 },
        problems: [],
      })
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/db"), databaseUp)
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/binance"), binanceUp)
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/live"), pipelineUp)
      const ready = { status: "up", since: epoch, detail: "Trades are being stored." }
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/ready"), ready)
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
    }).pipe(inNewRegistry),
  )

  it.effect("calls for no restart while the database does not answer, and says since when", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      const ask = yield* inProcess(fakes)
      yield* TestClock.adjust("4 seconds")
      fakes.databaseFails = true
      // Nobody asks when it happens.
      yield* TestClock.adjust("10 seconds")
      const since = "1970-01-01T00:00:05.000Z"
      const down = { status: "down", since, detail: databaseSentence, ...server }
      assert.deepInclude(yield* bodyOf(ask, "/health"), {
        status: "degraded",
        since,
        ready: false,
        problems: [databaseSentence],
      })
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/db"), down)
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/ready"), { status: "down", since, detail: databaseSentence })
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 503, 200])

      fakes.databaseFails = false
      yield* TestClock.adjust("3 seconds")
      const back = "1970-01-01T00:00:15.000Z"
      assert.deepInclude(yield* bodyOf(ask, "/health"), { status: "up", since: back, ready: true })
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/db"), { ...databaseUp, since: back })
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
    }).pipe(inNewRegistry),
  )

  it.effect("answers at once while the database keeps its answer back, which counts from the question", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      const hangs = yield* Ref.make<Effect.Effect<void>>(Effect.void)
      const ask = yield* inProcess(fakes, Effect.flatten(Ref.get(hangs)))
      yield* TestClock.adjust("3 seconds")
      yield* Ref.set(
        hangs,
        Effect.suspend(() => Effect.sleep("5 seconds").pipe(Effect.andThen(Effect.die("no answer for 5 s")))),
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 503, 200])
      const body = yield* bodyOf(ask, "/health/db")
      assert.deepInclude(body, { status: "down", since: "1970-01-01T00:00:04.000Z" })
      assert.include(JSON.stringify(body), "no answer for 5 s")
    }).pipe(inNewRegistry),
  )

  it.effect("calls for no restart without a connection to the exchange", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = [waiting]
      const ask = yield* inProcess(fakes)
      assert.deepInclude(yield* bodyOf(ask, "/health"), { status: "degraded", ready: false, problems: [lossSentence] })
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 200, 503])
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/binance"), {
        status: "down",
        since: epoch,
        detail: lossSentence,
        connections: [
          {
            ...connectionUp,
            name: "2",
            state: "waiting",
            secondsSinceLastFrame: null,
            reconnects: 3,
            nextRotation: null,
            lastLoss: waiting.lastLoss,
            symbols: ["SOLUSDT"],
          },
        ],
        symbols: [silent("SOLUSDT")],
      })
    }),
  )

  it.effect("is not ready before a connection was opened", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = []
      const ask = yield* inProcess(fakes)
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 200, 503])
      const body = yield* bodyOf(ask, "/health/binance")
      assert.deepInclude(body, { since: epoch, detail: "No connection to the exchange was opened yet." })
    }),
  )

  it.effect("is degraded and ready with one of two connections, and tells of the other", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = [connected, { ...waiting, disconnectedAt: 2_000, since: 9_000 }]
      const ask = yield* inProcess(fakes)
      yield* TestClock.adjust("9 seconds")
      const since = "1970-01-01T00:00:02.000Z"
      const sentence = lossSentence.replace(epoch, since)
      assert.deepInclude(yield* bodyOf(ask, "/health"), { status: "degraded", ready: true, problems: [sentence] })
      assert.deepInclude(yield* bodyOf(ask, "/health/binance"), { status: "degraded", since })
      assert.include(JSON.stringify(yield* bodyOf(ask, "/health/ready")), `Trades are being stored. ${sentence}`)
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
    }),
  )

  it.effect("calls for a restart when the pipeline has ended by itself, and only then", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.pipeline = { name: "starting", since: 0 }
      const ask = yield* inProcess(fakes)
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 200, 200])
      fakes.pipeline = { name: "running", since: 1_000 }
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
      fakes.pipeline = { name: "stopping", since: 2_000 }
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 200, 200])
      yield* TestClock.adjust("3 seconds")
      fakes.pipeline = { name: "ended", since: 3_000 }
      const since = "1970-01-01T00:00:03.000Z"
      assert.deepInclude(yield* bodyOf(ask, "/health"), {
        status: "down",
        since,
        ready: false,
        problems: [endedSentence],
      })
      assert.deepStrictEqual(yield* bodyOf(ask, "/health/live"), { status: "down", since, detail: endedSentence })
      assert.deepStrictEqual(yield* codes(ask), [503, 503, 503, 200, 200])
    }),
  )

  it.effect("tells the newest trade of each symbol, and how long ago it was", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.newest = [{ symbol: "ETHUSDT", id: 6_800_000_001, time: 2_000_123 }]
      const ask = yield* inProcess(fakes)
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* bodyOf(ask, "/health/binance"), {
        symbols: [
          silent("BTCUSDT"),
          {
            symbol: "ETHUSDT",
            lastTrade: { id: 6_800_000_001, time: "1970-01-01T00:00:02.000Z" },
            lagSeconds: 2.999877,
          },
        ],
      })
    }),
  )

  it.effect("is degraded by what is missing, waits on disk, was dropped or is numbered anew, and tells how much", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      yield* TestClock.adjust("10 seconds")
      yield* Metric.update(Metrics.openGaps, 2)
      yield* Metric.update(Metrics.missingIds, 2_500)
      yield* Metric.update(Gauges.fillingGaps, 1)
      yield* Metric.update(Metrics.frontierLagIds("ETHUSDT"), 3_000)
      yield* Metric.update(Metrics.frontierLagSeconds("ETHUSDT"), 61.5)
      yield* Metric.update(Metrics.oldestUncommittedSeconds, 12.5)
      yield* Metric.update(Metrics.spillTrades, 400)
      yield* Metric.update(Metrics.spillBytes, 40_000)
      yield* Metric.update(Gauges.spillLimitBytes, 100_000)
      yield* Metric.update(Metrics.tradesRegressed, 9)
      yield* TestClock.adjust("5 seconds")
      const body = yield* bodyOf(ask, "/health")
      const since = "1970-01-01T00:00:11.000Z"
      assert.deepInclude(body, {
        status: "degraded",
        since,
        ready: true,
        gaps: { open: 2, missingIds: 2_500 },
        frontiers: [{ symbol: "ETHUSDT", lagIds: 3_000, lagSeconds: 61.5 }],
        uncommitted: { trades: 400, oldestSeconds: 12.5 },
        spill: { trades: 400, bytes: 40_000 },
      })
      assert.nestedInclude(body, {
        "checks.spill.status": "degraded",
        "checks.spill.since": since,
        "checks.repair.status": "degraded",
        "checks.repair.since": since,
      })
      const text = JSON.stringify(body)
      assert.include(text, "2500 trades in 2 gaps are missing, 1 of the gaps are being filled")
      assert.include(text, "400 trades wait on disk and take 40% of SPILL_MAX_MB")
      assert.include(text, "2500 trades are missing")
      assert.include(text, "400 trades wait on disk")
      assert.include(text, "numbers its trades anew")

      yield* Metric.update(Metrics.tradesDropped, 7)
      yield* TestClock.adjust("2 seconds")
      const dropping = yield* bodyOf(ask, "/health")
      assert.nestedInclude(dropping, {
        status: "degraded",
        "checks.spill.status": "down",
        "checks.spill.since": "1970-01-01T00:00:16.000Z",
      })
      const problems = (report: unknown) => JSON.stringify(Predicate.hasProperty(report, "problems") && report.problems)
      assert.include(problems(dropping), "Trades are being dropped")
      assert.deepStrictEqual(yield* codes(ask), [200, 200, 200, 200, 200])
      yield* TestClock.adjust("1 minute")
      assert.nestedInclude(yield* bodyOf(ask, "/health"), { "checks.spill.status": "degraded" })

      // What is over counts no more: whoever watches would not see the next.
      yield* Metric.update(Metrics.openGaps, 0)
      yield* Metric.update(Metrics.missingIds, 0)
      yield* Metric.update(Metrics.spillTrades, 0)
      yield* TestClock.adjust("10 minutes")
      assert.include(problems(yield* bodyOf(ask, "/health")), "numbers its trades anew")
      yield* TestClock.adjust("1 hour")
      assert.deepInclude(yield* bodyOf(ask, "/health"), { status: "up", problems: [] })
    }).pipe(inNewRegistry),
  )

  it.effect(
    "says before there is a pipeline what the start waits for: alive, not ready, and nothing that a restart mends",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000)
        const ask = yield* answering(new Fakes().starting("It connects to the database at db:5432/trades."))
        const detail =
          "No trade is being stored yet: the service is starting. It connects to the database at db:5432/trades."
        const since = "1970-01-01T00:00:01.000Z"
        const down = { status: "down", since, detail }
        const database = { ...down, flavour: null, version: null }
        const binance = { ...down, connections: [], symbols: [] }
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* codes(ask), [200, 200, 503, 503, 503])
        assert.deepStrictEqual(yield* bodyOf(ask, "/health/live"), { status: "up", since, detail })
        assert.deepStrictEqual(yield* bodyOf(ask, "/health/ready"), down)
        assert.deepStrictEqual(yield* bodyOf(ask, "/health/db"), database)
        assert.deepStrictEqual(yield* bodyOf(ask, "/health/binance"), binance)
        assert.deepStrictEqual(yield* bodyOf(ask, "/health"), {
          status: "degraded",
          service: "fulltape",
          version: "1.2.3",
          uptime: 78.9,
          since,
          ready: false,
          checks: { pipeline: down, database, binance, spill: down, repair: down },
          gaps: { open: 0, missingIds: 0 },
          frontiers: [],
          uncommitted: { trades: 0, oldestSeconds: 0 },
          spill: { trades: 0, bytes: 0 },
          problems: [detail],
        })
        const metrics = yield* Effect.flatMap(ask("/metrics", { headers: { accept: "text/plain" } }), text)
        assert.match(metrics, /^fulltape_database_up 0$/m)
        assert.match(metrics, /^fulltape_build_info\{version="1\.2\.3"\} 1$/m)
      }).pipe(inNewRegistry),
  )

  it.effect("asks the database once a second, however many ask", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      const ask = yield* inProcess(fakes, Effect.sleep("300 millis"))
      const first = yield* Effect.forEach(["/health", "/health/db", "/metrics"], (path) => ask(path), {
        concurrency: "unbounded",
      }).pipe(Effect.forkChild)
      yield* TestClock.adjust("300 millis")
      assert.deepStrictEqual(
        (yield* Fiber.join(first)).map(({ status }) => status),
        [200, 200, 200],
      )
      assert.strictEqual(fakes.pings, 1)

      yield* TestClock.adjust("999 millis")
      yield* ask("/health")
      assert.strictEqual(fakes.pings, 1)

      yield* TestClock.adjust("1 millis")
      yield* ask("/health")
      assert.strictEqual(fakes.pings, 2)
    }),
  )
})
