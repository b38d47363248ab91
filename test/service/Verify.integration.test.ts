import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { httpServer } from "../fixtures/servers.ts"
import { type ExchangeProcess, startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { type TestDatabase, TestPostgres } from "../fixtures/service/TestPostgres.ts"

const COUNT = 2_500

/** A simulator, and a service that has stored all of its trades and goes on running. */
const filled = Effect.gen(function* () {
  const { create } = yield* TestPostgres
  const flags = ["--symbols=BTCUSDT,ETHUSDT", "--rate=20000", `--count=${COUNT}`]
  const [exchange, database] = yield* Effect.all([startExchange(...flags), create], { concurrency: 2 })
  const service = yield* startService({ exchange, database })
  yield* service.stored(2 * COUNT)
  const { BTCUSDT } = yield* exchange.sent
  return { exchange, database, first: BTCUSDT?.firstId ?? 0 }
})

interface Against {
  readonly exchange: ExchangeProcess
  readonly database: TestDatabase
  readonly restUrl?: string | undefined
  readonly flags?: ReadonlyArray<string>
}

const verify = ({ database, exchange, flags = [], restUrl = exchange.restUrl }: Against) =>
  run(["verify", "--against", "rest", ...flags], {
    env: environmentOf({ exchange: { wsUrl: exchange.wsUrl, restUrl }, database }),
  })

/** A REST host before the simulator's; `change` makes its answers, undefined where it has no such endpoint. */
const hostBefore = (exchange: ExchangeProcess, change: (path: string, rows: Array<unknown>) => unknown) =>
  Effect.map(
    httpServer((request, response) => {
      const url = new URL(request.url ?? "/", exchange.restUrl)
      const headers = { "X-MBX-TIME-UNIT": "MICROSECOND" }
      void fetch(url, { headers })
        .then((answer) => answer.json())
        .then((rows) => {
          const changed = change(url.pathname, Array.isArray(rows) ? rows : [])
          response.statusCode = changed === undefined ? 404 : 200
          response.end(JSON.stringify(changed ?? {}))
        })
    }),
    (url) => ({ host: url.host, restUrl: url.href }),
  )

const hostOf = ({ restUrl }: ExchangeProcess) => new URL(restUrl).host

it.layer(TestPostgres.layer, { excludeTestServices: true })("verify --against rest", (it) => {
  it.effect("finds every stored trade equal, and each change of a row by somebody else", () =>
    Effect.gen(function* () {
      const { database, exchange, first } = yield* filled
      const host = hostOf(exchange)

      const whole = yield* verify({ exchange, database })
      assert.deepStrictEqual([whole.code, whole.errors], [0, ""])
      for (const symbol of ["BTCUSDT", "ETHUSDT"])
        assert.include(whole.output, `\n${symbol} against ${host}: 2500 trades of 3 pages compared, 2500 equal\n`)
      assert.include(whole.output, `\n5000 trades of 6 pages compared with ${host}: all are equal.\n`)

      const sampled = yield* verify({ exchange, database, flags: ["--samples", "2"] })
      assert.strictEqual(sampled.code, 0)
      assert.include(sampled.output, `\nBTCUSDT against ${host}: 2000 trades of 2 pages compared, 2000 equal\n`)

      const set = (id: number, what: string) =>
        database.query(`UPDATE raw_trades SET ${what} WHERE symbol = 'BTCUSDT' AND trade_id = ${id}`)
      const remove = (from: number, to: number) =>
        database.query(`DELETE FROM raw_trades WHERE symbol = 'BTCUSDT' AND trade_id BETWEEN ${from} AND ${to}`)
      const record = (from: number, to: number, state: "open" | "unfillable") =>
        database.query(`
          INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, leased_until, closed_at)
          VALUES ('BTCUSDT', ${from}, ${to}, 'for the test', '${state}', 'it is late', now() + interval '1 hour',
            ${state === "open" ? "NULL" : "now()"})`)
      const [price, quantity, side, time] = [first + 10, first + 20, first + 30, first + 40]
      const [cut, lost, open, gone] = [first + 50, first + 60, first + 70, first + 80]
      yield* set(price, "price = price + 0.00000001")
      yield* set(quantity, "quantity = quantity + 1")
      yield* set(side, "side = CASE side WHEN 'BUY' THEN 'SELL' ELSE 'BUY' END")
      yield* set(time, "timestamp = timestamp + interval '1 second 1 microsecond'")
      yield* set(cut, "timestamp = date_trunc('milliseconds', timestamp)")
      yield* remove(lost, lost)
      yield* remove(open, open + 1)
      yield* record(open, open + 1, "open")
      yield* remove(gone, gone + 2)
      yield* record(gone, gone + 2, "unfillable")

      const { code, errors, output } = yield* verify({ exchange, database })
      assert.strictEqual(code, 1)
      assert.strictEqual(
        errors,
        "fulltape: 2 trades are missing and still to be fetched, 1 trades are missing without a trace, 4 trades differ from what the exchange says.\n",
      )
      assert.match(
        output,
        new RegExp(`^BTCUSDT against .*: 2494 trades of 3 pages compared, 2490 equal, 1 times are cut to milli`, "m"),
      )
      const [told] = yield* exchange.trades("BTCUSDT", price, price)
      const changed = `${told?.price.slice(0, -1)}1`
      assert.include(output, `  differs ${price}: price ${changed} is stored, the exchange says ${told?.price}\n`)
      assert.match(
        output,
        new RegExp(`^  differs ${quantity}: quantity \\d+\\.\\d{8} is stored, the exchange says`, "m"),
      )
      assert.match(output, new RegExp(`^  differs ${side}: side (BUY is .* says SELL|SELL is .* says BUY)$`, "m"))
      assert.match(output, new RegExp(`^  differs ${time}: time [\\dT:.-]{26}Z is stored, the exchange says .*Z$`, "m"))
      assert.notInclude(output, `differs ${cut}`)
      assert.match(output, new RegExp(`^  lost ${lost}: not stored; the exchange has price .* at .*Z$`, "m"))
      assert.include(output, `  could be had after all ${gone} to ${gone + 2} (3): given up as: it is late\n`)
      for (const id of [open, open + 1]) assert.notMatch(output, new RegExp(`^  (lost|differs|unknown) ${id}:`, "m"))
      assert.include(output, `\n4994 trades of 6 pages compared with ${host}: 4990 are equal.`)
    }),
  )

  it.effect("finds rows of trades that the exchange does not have, and leaves out what it no longer serves", () =>
    Effect.gen(function* () {
      const { database, exchange, first } = yield* filled
      const kept = (row: unknown, from: number) => {
        const id = typeof row === "object" && row !== null && "id" in row ? Number(row.id) : 0
        return id >= from && id !== first + 1_200
      }
      const floor = first + 100
      const { host, restUrl } = yield* hostBefore(exchange, (_, rows) => rows.filter((row) => kept(row, floor)))
      const { code, errors, output } = yield* verify({ exchange, database, restUrl })
      assert.strictEqual(code, 1)
      assert.strictEqual(errors, "fulltape: 1 rows are of trades that the exchange does not have.\n")
      assert.include(output, `\nBTCUSDT against ${host}: 2399 trades of 3 pages compared, 2399 equal\n`)
      assert.include(output, `\n  not served any more ${first} to ${floor - 1} (100)\n`)
      assert.match(
        output,
        new RegExp(`^  unknown ${first + 1_200}: stored as price .*; the exchange has no such trade$`, "m"),
      )
    }),
  )

  it.effect("compares what a host without historicalTrades has, and says that it is not all", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* filled
      const without = yield* hostBefore(exchange, (path, rows) => (path.endsWith("/trades") ? rows : undefined))
      const { code, errors, output } = yield* verify({ exchange, database, restUrl: without.restUrl })
      assert.deepStrictEqual([code, errors], [0, ""])
      assert.include(output, `\nBTCUSDT against ${without.host}: 1000 trades of 2 of 3 pages compared, 1000 equal\n`)
      assert.include(
        output,
        `\n  1500 of the sampled ids not served: ${without.host} serves the newest 1000 trades only: `,
      )
    }),
  )

  it.effect("exits 1 where nothing could be compared, and says why in a sentence", () =>
    Effect.gen(function* () {
      const { database, exchange } = yield* filled
      const unreachable = yield* verify({ exchange, database, restUrl: "http://127.0.0.1:1" })
      assert.strictEqual(unreachable.code, 1)
      assert.match(unreachable.errors, /^fulltape: Nothing was compared: 127\.0\.0\.1:1 cannot be reached \(.+\)\.\n$/)
      assert.include(unreachable.output, "BTCUSDT: ids ")
      assert.include(unreachable.output, "\nNot compared: ETHUSDT")
      assert.notInclude(unreachable.output, "exactly once")

      const unknown = yield* run(["verify", "--against", "rest"], {
        env: environmentOf({ exchange: { wsUrl: exchange.wsUrl }, database }),
      })
      assert.strictEqual(unknown.code, 1)
      assert.strictEqual(
        unknown.errors,
        "fulltape: Nothing was compared: no REST host is known for BINANCE_WS_URL; set BINANCE_REST_URL.\n",
      )

      const other = yield* run(["verify", "--against", "rest"], { env: { DATABASE_URL: database.url } })
      assert.strictEqual(other.code, 1)
      assert.strictEqual(
        other.errors,
        "fulltape: Nothing was compared: the database holds trades of 127.0.0.1, and BINANCE_WS_URL is of binance-spot.\n",
      )

      const nonsense = yield* verify({ exchange, database, flags: ["--samples", "0"] })
      assert.strictEqual(nonsense.code, 1)
      assert.include(nonsense.errors, "0 is below 1")
    }),
  )
})
