import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { freePort, redisProgram, startRedis } from "../fixtures/redisServer.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { type ServiceProcess, startService } from "../fixtures/service/ServiceProcess.ts"
import { assertSentIsStored } from "../fixtures/service/stored.ts"
import { type TestDatabase, TestPostgres } from "../fixtures/service/TestPostgres.ts"

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0

/** Of 127.0.0.1, signed by itself. */
const certificate = Effect.map(temporaryFolder, (folder) => {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")]
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
  const made = spawnSync("openssl", [
    ...request,
    "-addext",
    "subjectAltName=IP:127.0.0.1",
    "-keyout",
    key,
    "-out",
    cert,
  ])
  if (made.status !== 0) throw new Error(String(made.stderr))
  return { cert, key }
})

const symbols = ["BTCUSDT", "ETHUSDT"]

type RedisServer = Effect.Success<ReturnType<typeof startRedis>>

const keyOf = (symbol: string) => `fulltape:127.0.0.1:latest:${symbol}`

/** The newest trade of a symbol in the database, as Redis is to have it. */
const newestIn = (database: TestDatabase, symbol: string) =>
  Effect.map(
    database.query(
      `SELECT price::text, trade_id::text AS id, (extract(epoch FROM timestamp) * 1000000)::bigint::text AS time
       FROM raw_trades WHERE symbol = '${symbol}' ORDER BY trade_id DESC LIMIT 1`,
    ),
    ([row]) => ({ price: String(row?.["price"]), id: String(row?.["id"]), time: String(row?.["time"]) }),
  )

/** Redis has of each symbol what the database has, soon and from then on. */
const assertLevel = Effect.fnUntraced(function* (redis: RedisServer, database: TestDatabase) {
  for (const symbol of symbols) {
    const newest = yield* newestIn(database, symbol)
    const seen = yield* eventually(`${symbol} in Redis`, redis.hash(keyOf(symbol)), ({ id }) => id === newest.id)
    assert.deepStrictEqual(seen, newest)
  }
})

/** What is heard of each symbol never goes back and never comes twice. */
const assertRising = (heard: ReadonlyArray<Record<string, string>>) => {
  for (const name of symbols) {
    const ids = heard.filter(({ symbol }) => symbol === name).map(({ id }) => Number(id))
    assert.isNotEmpty(ids)
    assert.deepStrictEqual(
      ids,
      [...new Set(ids)].toSorted((a, b) => a - b),
    )
  }
}

const isUp = (service: ServiceProcess) => service.sample("fulltape_redis_up")

const starting = Effect.fnUntraced(function* (url: string, ...flags: ReadonlyArray<string>) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange(`--symbols=${symbols.join(",")}`, ...flags), create], {
    concurrency: 2,
  })
  const service = yield* startService({ exchange, database, symbols, env: { REDIS_URL: url, BATCH_TIMEOUT: "100" } })
  return { exchange, database, service }
})

describe.skipIf(redisProgram === "")("REDIS_URL", () => {
  it.layer(TestPostgres.layer, { excludeTestServices: true })((it) => {
    it.effect(
      "has the latest prices in Redis, as the database has them, and ten messages a second of a symbol at most",
      () =>
        Effect.gen(function* () {
          const redis = yield* startRedis()
          const heard = yield* redis.messages("fulltape:127.0.0.1:prices:*")
          const startedAt = performance.now()
          const { database, service } = yield* starting(redis.url, "--rate=4000", "--count=6000")
          yield* service.stored(12_000)
          yield* assertLevel(redis, database)
          const seconds = (performance.now() - startedAt) / 1_000
          assertRising(heard)
          assert.isAtMost(heard.length, symbols.length * (seconds * 10 + 1))
          assert.isAbove(heard.length, 5)
          assert.deepStrictEqual([yield* isUp(service), yield* service.sample("fulltape_redis_errors_total")], [1, 0])

          // A restart forgets nothing, even where Redis did.
          yield* service.program.stop("SIGTERM")
          yield* redis.command(["FLUSHALL"])
          yield* startService({
            exchange: { wsUrl: "ws://127.0.0.1:9/ws" },
            database,
            symbols,
            env: { REDIS_URL: redis.url },
          })
          yield* assertLevel(redis, database)
        }),
    )

    it.effect("writes the last price when it is stopped under load", () =>
      Effect.gen(function* () {
        const redis = yield* startRedis()
        const { database, service } = yield* starting(redis.url, "--rate=4000")
        yield* service.stored(2_000)
        yield* service.program.signal("SIGTERM")
        assert.deepStrictEqual(yield* service.program.end("10 seconds"), { code: 0, signal: null })
        for (const symbol of symbols)
          assert.deepStrictEqual(yield* redis.hash(keyOf(symbol)), yield* newestIn(database, symbol))
      }),
    )

    it.effect("stores at the same rate while Redis is killed, or hangs, and is level when it is back", () =>
      Effect.gen(function* () {
        const redis = yield* startRedis()
        const count = 60_000
        const { database, exchange, service } = yield* starting(redis.url, "--rate=5000", `--count=${count}`)
        yield* service.stored(2_000)
        yield* eventually("a connection to Redis", isUp(service), (up) => up === 1)
        const millisFor = Effect.fnUntraced(function* (trades: number) {
          const { totalTrades } = (yield* service.metrics).status
          const startedAt = performance.now()
          yield* service.stored(totalTrades + trades)
          return performance.now() - startedAt
        })
        const undisturbed = yield* millisFor(10_000)
        yield* redis.kill
        const killed = yield* millisFor(10_000)
        yield* eventually("word of it", isUp(service), (up) => up === 0)
        yield* redis.start
        yield* eventually("a new connection", isUp(service), (up) => up === 1)
        yield* redis.pause
        const paused = yield* millisFor(10_000)
        yield* eventually("word of it", isUp(service), (up) => up === 0)
        yield* redis.resume
        yield* eventually("a new connection", isUp(service), (up) => up === 1)
        for (const millis of [killed, paused]) assert.isBelow(millis, undisturbed * 1.5 + 500)

        yield* service.stored(2 * count, "60 seconds")
        yield* assertSentIsStored(exchange, database)
        yield* assertLevel(redis, database)
        assert.isAbove(yield* service.sample("fulltape_redis_errors_total"), 1)
        assert.isAbove(yield* service.sample("fulltape_redis_dropped_total"), 1)
        assert.strictEqual(yield* service.sample("fulltape_trades_spilled_total"), 0)
        // One warning a minute, whatever happens.
        assert.lengthOf(
          service.program.lines.filter((line) => /Redis at .* cannot be used/.test(line)),
          1,
        )
      }),
    )

    it.effect("starts without Redis and is level once that comes", () =>
      Effect.gen(function* () {
        const redis = yield* startRedis()
        yield* redis.kill
        const { database, service } = yield* starting(redis.url, "--rate=2000", "--count=1000")
        yield* service.stored(2_000)
        yield* service.program.line(
          /Redis at 127\.0\.0\.1:\d+\/3 cannot be used: connect ECONNREFUSED.* Trades are stored all the same/,
        )
        yield* redis.start
        yield* assertLevel(redis, database)
      }),
    )

    it.effect("takes two services that store the same trades: what is published never goes back", () =>
      Effect.gen(function* () {
        const { create } = yield* TestPostgres
        const redis = yield* startRedis()
        const heard = yield* redis.messages("fulltape:127.0.0.1:prices:*")
        const { database, exchange, service } = yield* starting(redis.url, "--rate=2000", "--count=6000")
        const other = yield* startService({
          exchange,
          database: yield* create,
          symbols,
          env: { REDIS_URL: redis.url, BATCH_TIMEOUT: "400" },
        })
        yield* service.stored(12_000)
        yield* other.stored(2_000)
        yield* assertLevel(redis, database)
        assertRising(heard)
      }),
    )

    it.effect.skipIf(!hasOpenssl)("speaks TLS with a server whose certificate it trusts, and with no other", () =>
      Effect.gen(function* () {
        const [cert, port] = yield* Effect.all([certificate, freePort])
        const files = ["--tls-cert-file", cert.cert, "--tls-key-file", cert.key, "--tls-auth-clients", "no"]
        const redis = yield* startRedis("--tls-port", String(port), ...files)
        const url = redis.url.replace("redis:", "rediss:").replace(/:\d+\/3$/, `:${port}/3`)
        const { database, exchange, service } = yield* starting(url, "--rate=4000", "--count=500")
        yield* service.program.line(/Redis at .* cannot be used: self-signed certificate/)
        yield* startService({
          exchange,
          database,
          symbols,
          env: { REDIS_URL: url, NODE_EXTRA_CA_CERTS: cert.cert },
        })
        yield* service.stored(1_000)
        yield* assertLevel(redis, database)
        assert.strictEqual(yield* isUp(service), 0)
      }),
    )

    it.effect("says once that the password is wrong, and never which it is, and stores on", () =>
      Effect.gen(function* () {
        const redis = yield* startRedis()
        const url = redis.url.replace(redis.password, "hunter2-is-wrong")
        const { service } = yield* starting(url, "--rate=4000", "--count=1000")
        yield* service.stored(2_000)
        yield* eventually("several attempts", service.sample("fulltape_redis_errors_total"), (errors) => errors > 2)
        const { lines, standardError } = service.program
        const told = lines.filter((line) => /Redis at .* refused the user or password of REDIS_URL/.test(line))
        assert.lengthOf(told, 1)
        assert.notInclude(`${lines.join("\n")}${standardError}`, "hunter2")
        assert.strictEqual(yield* isUp(service), 0)
      }),
    )
  })
})
