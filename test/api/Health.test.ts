import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import { connected, Fakes, waiting } from "./Fakes.ts"
import { inProcess, json } from "./inProcess.ts"

const epoch = "1970-01-01T00:00:00.000Z"

const pipelineUp = { status: "up", detail: "The pipeline from the exchange to the database runs." }
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
const binanceUp = {
  status: "up",
  since: epoch,
  detail: "The connection to the exchange is up.",
  connections: [connectionUp],
}

const databaseSentence =
  "The database does not answer: connect ECONNREFUSED 127.0.0.1:5432. Check that PostgreSQL runs and accepts connections; trades are stored again as soon as it does."
const lossSentence =
  "No trades of SOLUSDT arrive since 1970-01-01T00:00:00.000Z: stream.binance.com:9443 cannot be reached (ECONNREFUSED). The service keeps trying; check the network and BINANCE_WS_URL if this lasts."

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
        checks: { pipeline: pipelineUp, database: databaseUp, binance: binanceUp },
        gaps: { open: 0, missingIds: 0 },
        frontiers: [],
        uncommitted: { trades: 0, oldestSeconds: 0 },
        spill: { trades: 0, bytes: 0 },
        problems: [],
      })
      assert.deepStrictEqual(yield* json(yield* ask("/health/db")), databaseUp)
      assert.deepStrictEqual(yield* json(yield* ask("/health/binance")), binanceUp)
    }),
  )

  it.effect("is down while the database does not answer, and says since when", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      const ask = yield* inProcess(fakes)
      yield* ask("/health/db")
      fakes.databaseFails = true
      yield* TestClock.adjust("5 seconds")
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 503)
      const down = { status: "down", since: "1970-01-01T00:00:05.000Z", detail: databaseSentence, ...server }
      assert.deepInclude(yield* json(response), {
        status: "down",
        checks: {
          pipeline: pipelineUp,
          database: down,
          binance: { ...binanceUp, connections: [{ ...connectionUp, secondsSinceLastFrame: 5 }] },
        },
        problems: [databaseSentence],
      })

      yield* TestClock.adjust("5 seconds")
      const again = yield* ask("/health/db")
      assert.strictEqual(again.status, 503)
      assert.deepStrictEqual(yield* json(again), down)
      assert.strictEqual((yield* ask("/health/binance")).status, 200)
    }),
  )

  it.effect("is down without a connection to the exchange", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = [waiting]
      const ask = yield* inProcess(fakes)
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 503)
      assert.deepInclude(yield* json(response), { status: "down", problems: [lossSentence] })

      const binance = yield* ask("/health/binance")
      assert.strictEqual(binance.status, 503)
      assert.deepStrictEqual(yield* json(binance), {
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
      })
      assert.strictEqual((yield* ask("/health/db")).status, 200)
    }),
  )

  it.effect("is down before a connection was opened", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = []
      const ask = yield* inProcess(fakes)
      assert.strictEqual((yield* ask("/health")).status, 503)
      const body = yield* json(yield* ask("/health/binance"))
      assert.deepInclude(body, { since: null, detail: "No connection to the exchange was opened yet." })
    }),
  )

  it.effect("is degraded with one of two connections, and tells of the other", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.connections = [connected, waiting]
      const ask = yield* inProcess(fakes)
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 200)
      assert.deepInclude(yield* json(response), { status: "degraded", problems: [lossSentence] })
      assert.strictEqual((yield* ask("/health/binance")).status, 503)
    }),
  )

  it.effect("is down while the pipeline does not run", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.running = false
      const ask = yield* inProcess(fakes)
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 503)
      assert.deepInclude(yield* json(response), {
        status: "down",
        problems: [
          "No trade is being stored: the service is starting or stopping. Its log says why, should it stay so.",
        ],
      })
    }),
  )

  it.effect("is degraded by what is missing, waits on disk, was dropped or is numbered anew, and tells how much", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      yield* Metric.update(Metrics.openGaps, 2)
      yield* Metric.update(Metrics.missingIds, 2_500)
      yield* Metric.update(Metrics.frontierLagIds("ETHUSDT"), 3_000)
      yield* Metric.update(Metrics.frontierLagSeconds("ETHUSDT"), 61.5)
      yield* Metric.update(Metrics.oldestUncommittedSeconds, 12.5)
      yield* Metric.update(Metrics.spillTrades, 400)
      yield* Metric.update(Metrics.spillBytes, 40_000)
      yield* Metric.update(Metrics.tradesDropped, 7)
      yield* Metric.update(Metrics.tradesRegressed, 9)
      const response = yield* ask("/health")
      assert.strictEqual(response.status, 200)
      const body = yield* json(response)
      assert.deepInclude(body, {
        status: "degraded",
        gaps: { open: 2, missingIds: 2_500 },
        frontiers: [{ symbol: "ETHUSDT", lagIds: 3_000, lagSeconds: 61.5 }],
        uncommitted: { trades: 400, oldestSeconds: 12.5 },
        spill: { trades: 400, bytes: 40_000 },
      })
      assert.include(JSON.stringify(body), "2500 trades are missing")
      assert.include(JSON.stringify(body), "400 trades wait on disk")
      assert.include(JSON.stringify(body), "7 trades were dropped")
      assert.include(JSON.stringify(body), "numbers its trades anew")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
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
      const later = yield* Effect.forkChild(ask("/health"))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(later)
      assert.strictEqual(fakes.pings, 2)
    }),
  )
})
