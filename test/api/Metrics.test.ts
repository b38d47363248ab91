import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { prefersText } from "../../src/api/prefersText.ts"
import { Fakes, waiting } from "./Fakes.ts"
import { inProcess, json, text } from "./inProcess.ts"

const prometheus2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
const prometheus3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

describe("prefersText", () => {
  const table: ReadonlyArray<readonly [client: string, accept: string | undefined, text: boolean]> = [
    ["no header", undefined, false],
    ["an empty header", "", false],
    ["curl", "*/*", false],
    ["a browser", browser, false],
    ["axios", "application/json, text/plain, */*", false],
    ["JSON", "application/json", false],
    ["any application type", "application/*", false],
    ["JSON before text", "text/plain;q=0.5, application/json", false],
    ["an unknown type", "image/png", false],
    ["nothing at all", "*/*;q=0", false],
    ["text refused", "text/plain;q=0, */*;q=0", false],
    ["a quality that is none", "text/plain;q=high, application/json;q=0.1", false],
    ["Prometheus 2", prometheus2, true],
    ["Prometheus 3", prometheus3, true],
    ["VictoriaMetrics", "text/plain;version=0.0.4;q=1,*/*;q=0.1", true],
    ["text", "text/plain", true],
    ["text in capitals", "TEXT/PLAIN; Q=1, */*; Q=0.5", true],
    ["any text", "text/*", true],
    ["OpenMetrics", "application/openmetrics-text", true],
    ["text by name, JSON by wildcard", "text/plain, */*", true],
    ["text before JSON", "application/json;q=0.5, text/plain", true],
    ["JSON refused", "application/json;q=0, */*", true],
  ]
  for (const [client, accept, expected] of table) {
    it(`${client}: ${expected ? "text" : "JSON"}`, () => assert.strictEqual(prefersText(accept), expected))
  }
})

describe("/metrics", () => {
  it.effect("is this JSON", () =>
    Effect.gen(function* () {
      const ask = yield* inProcess(new Fakes())
      const response = yield* ask("/metrics")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "application/json")
      assert.strictEqual(response.headers.get("vary"), "Accept")
      assert.strictEqual(
        yield* text(response),
        '{"timestamp":"1970-01-01T00:00:00.000Z","performance":{"tradesPerSecond":1250.5,"averageLatency":12.25,' +
          '"errorCount":4,"reconnectionCount":5,"memoryUsage":123456789,"batchProcessingTime":3.5},"status":{"isRunning":true,' +
          '"binanceConnected":true,"databaseConnected":true,"bufferSize":42,"totalTrades":98765,"totalBatches":988,"uptime":78.9},' +
          '"gaps":{"open":0,"missingIds":0},"frontiers":[],"uncommitted":{"trades":0,"oldestSeconds":0},"spill":{"trades":0,"bytes":0}}',
      )
    }),
  )

  it.effect("tells what is down", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.pipeline = { name: "starting", since: 0 }
      fakes.databaseFails = true
      fakes.connections = [waiting]
      const ask = yield* inProcess(fakes)
      const response = yield* ask("/metrics")
      assert.strictEqual(response.status, 200)
      assert.nestedInclude(yield* json(response), {
        "status.isRunning": false,
        "status.databaseConnected": false,
        "status.binanceConnected": false,
      })
    }),
  )

  it.effect("is the text format for Prometheus", () =>
    Effect.gen(function* () {
      const labelled = Metric.counter("fulltape_test_total", {
        description: "Two\nlines and a \\",
        incremental: true,
        attributes: { path: 'a "quoted" \\ path\nof two lines' },
      })
      const plain = Metric.counter("fulltape_test_total", { description: "Two\nlines and a \\", incremental: true })
      const histogram = Metric.histogram("fulltape_test_seconds", { description: "Times", boundaries: [0.1, 1] })
      yield* Metric.update(labelled, 2)
      yield* Metric.update(plain, 1)
      yield* Effect.forEach([0.05, 0.5, 0.5, 5], (seconds) => Metric.update(histogram, seconds))

      const fakes = new Fakes()
      const ask = yield* inProcess(fakes)
      const response = yield* ask("/metrics", { headers: { accept: prometheus3 } })
      assert.strictEqual(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
      assert.strictEqual(response.headers.get("vary"), "Accept")
      assert.strictEqual(fakes.snapshots, 1, "the gauges are read on demand")

      const lines = (yield* text(response)).split("\n")
      assert.strictEqual(lines.at(-1), "", "the last line ends too")
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("fulltape_test_total")),
        [
          "# HELP fulltape_test_total Two\\nlines and a \\\\",
          "# TYPE fulltape_test_total counter",
          'fulltape_test_total{path="a \\"quoted\\" \\\\ path\\nof two lines"} 2',
          "fulltape_test_total 1",
        ],
      )
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("fulltape_test_seconds")),
        [
          "# HELP fulltape_test_seconds Times",
          "# TYPE fulltape_test_seconds histogram",
          'fulltape_test_seconds_bucket{le="0.1"} 1',
          'fulltape_test_seconds_bucket{le="1"} 3',
          'fulltape_test_seconds_bucket{le="+Inf"} 4',
          "fulltape_test_seconds_sum 6.05",
          "fulltape_test_seconds_count 4",
        ],
      )
    }),
  )
})
