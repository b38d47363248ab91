import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { scraping, startPrometheus } from "../fixtures/service/Prometheus.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { systemProgram } from "../fixtures/service/systemProgram.ts"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"
import { version } from "../../src/version.ts"
import { documented } from "./documentedMetrics.ts"

const promtool = systemProgram("TEST_PROMTOOL", "promtool")
const prometheus = systemProgram("TEST_PROMETHEUS", "prometheus")

/** An empty database on the server of the run. */
const newDatabase = Effect.gen(function* () {
  const url = process.env["TEST_DATABASE_URL"] ?? ""
  const admin = databaseAt(url)
  const name = `prometheus_${randomBytes(4).toString("hex")}`
  yield* Effect.acquireRelease(admin.query(`CREATE DATABASE ${name}`), () =>
    admin.query(`DROP DATABASE ${name} WITH (FORCE)`),
  )
  return databaseAt(url.replace(/[^/]+$/, name))
})

/** A service that stores what an exchange sends, and has met each kind of trouble that leaves a mark on metrics. */
const running = Effect.gen(function* () {
  const [exchange, database] = yield* Effect.all([startExchange("--rate=500"), newDatabase], { concurrency: 2 })
  const service = yield* startService({ exchange, database })
  yield* service.stored(500)
  return { exchange, service }
})

describe("/metrics", () => {
  it.live.skipIf(promtool === undefined)("is what promtool finds nothing wrong with", () =>
    Effect.gen(function* () {
      const { service } = yield* running
      const { text } = yield* service.get("/metrics", "text/plain")
      assert.include(text, "fulltape_symbol_last_id{")
      const checked = spawnSync(promtool ?? "", ["check", "metrics"], { input: text, encoding: "utf8" })
      assert.deepStrictEqual([checked.status, checked.stdout, checked.stderr], [0, "", ""])
      // It does look.
      const wrong = spawnSync(promtool ?? "", ["check", "metrics"], {
        input: "# TYPE a counter\na 1\n",
        encoding: "utf8",
      })
      assert.notStrictEqual(wrong.status, 0)
    }).pipe(Effect.scoped),
  )

  it.live.skipIf(prometheus === undefined)("is scraped by Prometheus, with the values that are so", () =>
    Effect.gen(function* () {
      const { exchange, service } = yield* running
      const { metadata, query } = yield* startPrometheus(prometheus ?? "", scraping(new URL(service.origin).host))
      const valueOf = (promql: string) =>
        Effect.map(query(promql), (series) => (series.length === 1 ? (series[0]?.value ?? Number.NaN) : Number.NaN))
      yield* eventually("the target", valueOf('up{job="fulltape"}'), (up) => up === 1)

      const first = yield* eventually("a count", valueOf("fulltape_trades_stored_total"), (stored) => stored >= 500)
      yield* eventually("a higher count", valueOf("fulltape_trades_stored_total"), (stored) => stored > first)
      yield* eventually(
        "a commit of the newest trades",
        Effect.all([valueOf('fulltape_symbol_last_id{symbol="BTCUSDT"}'), exchange.state]),
        ([id, { newestId }]) => id > 0 && id <= (newestId["BTCUSDT"] ?? 0) && id > (newestId["BTCUSDT"] ?? 0) - 2_000,
      )
      const constants = {
        'fulltape_connections{state="connected"}': 1,
        'fulltape_connections{state="waiting"}': 0,
        fulltape_database_up: 1,
        [`fulltape_build_info{version="${version}"}`]: 1,
        fulltape_missing_ids: 0,
        fulltape_unfillable_ids: 0,
        fulltape_rest_weight_limit: 6000,
        fulltape_spill_limit_bytes: 1024 ** 3,
        'fulltape_rest_requests_total{outcome="ok"} > bool 0': 1,
        "fulltape_data_disk_free_bytes > bool 1e6": 1,
        "fulltape_heap_used_bytes > bool 1e6": 1,
        "fulltape_heap_used_bytes < bool fulltape_resident_memory_bytes": 1,
        "fulltape_event_loop_delay_seconds < bool 5": 1,
        "fulltape_trades_received_total >= bool fulltape_trades_stored_total": 1,
        "fulltape_wire_to_commit_seconds_count == bool fulltape_exchange_to_commit_seconds_count": 1,
        'fulltape_exchange_to_commit_seconds_bucket{le="+Inf"} == bool ignoring(le) fulltape_exchange_to_commit_seconds_count': 1,
        "fulltape_batch_trades_count == bool fulltape_batches_total": 1,
        'time() - fulltape_symbol_last_trade_timestamp_seconds{symbol="ETHUSDT"} < bool 60': 1,
        "histogram_quantile(0.5, fulltape_exchange_to_commit_seconds_bucket) < bool 10": 1,
      }
      for (const [promql, expected] of Object.entries(constants))
        yield* eventually(promql, valueOf(promql), (value) => value === expected)

      const expected = documented.filter(({ optional }) => !optional)
      const scraped = yield* eventually("metadata", metadata, (all) => all.length >= expected.length)
      const ours = scraped.filter(({ metric }) => metric.startsWith("fulltape_"))
      assert.deepStrictEqual(
        ours.map(({ metric, type }) => `${metric} ${type}`).toSorted(),
        expected.map(({ name, type }) => `${name} ${type}`).toSorted(),
      )
      for (const { help, metric } of ours) assert.notStrictEqual(help, "", metric)
      yield* service.program.signal("SIGKILL")
      yield* eventually("the end of the target", valueOf('up{job="fulltape"}'), (up) => up === 0)
    }).pipe(Effect.scoped),
  )
})
