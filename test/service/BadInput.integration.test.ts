import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { type ExchangeProcess, startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run } from "../fixtures/service/Program.ts"
import { environmentOf, startService } from "../fixtures/service/ServiceProcess.ts"
import { storedCount } from "../fixtures/service/stored.ts"
import { type TestDatabase, TestPostgres } from "../fixtures/service/TestPostgres.ts"

/** What the service says when it does not start: errors in its log, and standard error. */
const refusal = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const { code, errors, output, program } = yield* run([], { env })
  assert.strictEqual(code, 1, output + errors)
  assert.notMatch(output + errors, /^ {4}at /m)
  const logged = program.lines
    .filter((line) => line.includes(`"level":"error"`) || line.includes(`"level":"fatal"`))
    .map((line) => String(JSON.parse(line).message))
  return [...logged, ...errors.split("\n").filter((line) => line !== "")]
})

/** One sentence, not several: the pattern is the whole of what is said. */
const assertRefused = (env: Readonly<Record<string, string>>, sentence: RegExp) =>
  Effect.map(refusal(env), (said) => {
    assert.lengthOf(said, 1, said.join("\n"))
    assert.match(said[0] ?? "", sentence)
  })

const tables = ({ query }: TestDatabase) =>
  Effect.map(query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"), (rows) =>
    rows.map(({ tablename }) => tablename),
  )

const migrated = Effect.gen(function* () {
  const database = yield* (yield* TestPostgres).create
  const { code } = yield* run(["migrate"], { env: { DATABASE_URL: database.url } })
  assert.strictEqual(code, 0)
  return database
})

/** A port that somebody else listens at. */
const takenPort = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close()),
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }),
)

/** An exchange for all of them, which none of them dials: nothing is half done. */
class UntouchedExchange extends Context.Service<UntouchedExchange, ExchangeProcess>()("test/UntouchedExchange") {
  static readonly layer = Layer.effect(
    UntouchedExchange,
    Effect.tap(startExchange("--symbols=BTCUSDT,ETHUSDT"), (exchange) =>
      Effect.addFinalizer(() => Effect.map(exchange.state, ({ opened }) => assert.strictEqual(opened, 0))),
    ),
  )
}

const layer = Layer.merge(TestPostgres.layer, UntouchedExchange.layer)

it.layer(layer, { concurrent: true, excludeTestServices: true })("the service does not start", (it) => {
  it.effect("with wrong settings, and names all of them, without a password", () =>
    Effect.gen(function* () {
      const DATA_DIR = join(yield* temporaryFolder, "data")
      const wrong = {
        BATCH_SIZE: "0",
        BINANCE_WS_URL: "https://stream.binance.com",
        DATABASE_URL: "mysql://somebody:opensesame@db/trades",
        DB_TIMEOUT: "soon",
        LOG_LEVEL: "loud",
        PORT: "99999",
      }
      const said = yield* refusal({ ...wrong, DATA_DIR })
      assert.lengthOf(said, Object.keys(wrong).length)
      for (const name of Object.keys(wrong)) {
        assert.lengthOf(
          said.filter((line) => new RegExp(`\\b${name} .+; it takes .+\\.$`).test(line)),
          1,
          name,
        )
      }
      assert.notInclude(said.join(), "opensesame")
      assert.isFalse(existsSync(DATA_DIR))
    }),
  )

  it.effect("with a symbol that the exchange does not list", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const database = yield* (yield* TestPostgres).create
      const env = environmentOf({ exchange, database, symbols: ["BTCUSDT", "NOSUCHUSDT", "NORTHISUSDT"] })
      yield* assertRefused(env, /^Binance does not list NOSUCHUSDT, NORTHISUSDT: correct BINANCE_SYMBOLS\.$/)
      assert.strictEqual(yield* storedCount(database), 0)
    }),
  )

  it.effect("on a port that is taken", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const database = yield* (yield* TestPostgres).create
      const port = yield* takenPort
      const env = environmentOf({ exchange, database, env: { PORT: String(port) } })
      const sentence = `^Port ${port} on 127\\.0\\.0\\.1 is taken by another program: stop it or set PORT\\.$`
      yield* assertRefused(env, new RegExp(sentence))
    }),
  )

  it.effect("with a DATA_DIR below a file", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const file = join(yield* temporaryFolder, "file")
      writeFileSync(file, "kept")
      const env = environmentOf({ exchange, env: { DATA_DIR: join(file, "data") } })
      yield* assertRefused(env, /^The data folder .+ a file stands in its way: set DATA_DIR to another folder\.$/)
    }),
  )

  it.effect("with a refused password, or without the database", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const { url } = yield* (yield* TestPostgres).create
      const wrong = url.replace(/:[^:@]*@/, ":opensesame@")
      const said = yield* refusal(environmentOf({ exchange, database: { url: wrong } }))
      assert.lengthOf(said, 1)
      assert.match(
        said[0] ?? "",
        /^The database at 127\.0\.0\.1:\d+\/test_\d+ refused the password .+ check DATABASE_URL/,
      )
      assert.notInclude(said[0] ?? "", "opensesame")
      const absent = url.replace(/[^/]+$/, "absent")
      yield* assertRefused(
        environmentOf({ exchange, database: { url: absent } }),
        /^The server has no database absent: create it \(CREATE DATABASE absent\) or correct DATABASE_URL\.$/,
      )
    }),
  )

  it.effect("on a database with a table raw_trades of somebody else, which it leaves as it is", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const database = yield* (yield* TestPostgres).create
      yield* database.query("CREATE TABLE raw_trades AS SELECT 'mine' AS note")
      yield* assertRefused(
        environmentOf({ exchange, database }),
        /^The database has a table raw_trades that Fulltape did not make: .+\.$/,
      )
      assert.deepStrictEqual(yield* tables(database), ["raw_trades"])
      assert.deepStrictEqual(yield* database.query("SELECT * FROM raw_trades"), [{ note: "mine" }])
    }),
  )

  it.effect("on a database of another market", () =>
    Effect.gen(function* () {
      const exchange = yield* UntouchedExchange
      const database = yield* migrated
      yield* database.query("INSERT INTO stored_market (market) VALUES ('binance-spot')")
      yield* database.query("INSERT INTO raw_trades VALUES (now(), 'BTCUSDT', 1, 1, 'BUY', 1)")
      yield* assertRefused(
        environmentOf({ exchange, database }),
        /^The database holds trades of binance-spot, and BINANCE_WS_URL is of 127\.0\.0\.1: .+ a database of its own\.$/,
      )
      assert.deepStrictEqual(yield* database.query("SELECT market FROM stored_market"), [{ market: "binance-spot" }])
      assert.strictEqual(yield* storedCount(database), 1)
    }),
  )
})

it.layer(TestPostgres.layer, { excludeTestServices: true })("the service starts all the same", (it) => {
  it.effect("with a symbol that is listed no more, when it has rows of it, and says so", () =>
    Effect.gen(function* () {
      const [exchange, database] = yield* Effect.all([startExchange("--symbols=BTCUSDT", "--rate=500"), migrated], {
        concurrency: 2,
      })
      yield* database.query(`INSERT INTO raw_trades VALUES (now(), 'GONEUSDT', 1, 1, 'BUY', 7)`)
      yield* database.query(`INSERT INTO symbols VALUES ('GONEUSDT', '127.0.0.1', 7, 7, now(), 7)`)
      const service = yield* startService({ exchange, database, symbols: ["BTCUSDT", "GONEUSDT"] })
      yield* service.program.line(/"level":"warn","message":"Binance lists no more: GONEUSDT\. Their rows stay\."/)
      yield* service.stored(100)
      assert.lengthOf(yield* database.query("SELECT FROM raw_trades WHERE symbol = 'GONEUSDT'"), 1)
    }),
  )
})
