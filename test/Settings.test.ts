import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Result } from "effect"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseSettings, Settings, type SettingsOptions } from "../src/Settings.ts"
import { variables } from "../src/settings/variables.ts"

const parsed = (environment: Record<string, string>, options?: SettingsOptions) =>
  Result.getOrThrow(parseSettings(environment, options))

const problems = (environment: Record<string, string>): ReadonlyArray<string> =>
  Result.getOrThrow(Result.flip(parseSettings(environment))).problems

const folderWith = (env: string | undefined) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = await mkdtemp(join(tmpdir(), "settings-"))
      if (env !== undefined) await writeFile(join(folder, ".env"), env)
      return folder
    }),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true })),
  )

const loaded = (options: SettingsOptions) => Settings.pipe(Effect.provide(Settings.layer(options)))

describe("Settings", () => {
  it("has a default for everything", () => {
    const settings = parsed({})
    assert.strictEqual(settings.database.url, undefined)
    assert.strictEqual(settings.database.poolMax, 20)
    assert.strictEqual(Duration.toMillis(settings.database.timeout), 5000)
    assert.strictEqual(settings.database.synchronousCommit, "on")
    assert.strictEqual(settings.dataDir, resolve("data"))
    assert.strictEqual(settings.binance.wsUrl.href, "wss://stream.binance.com:9443/ws")
    assert.strictEqual(settings.binance.restUrl?.href, "https://api.binance.com/")
    assert.deepStrictEqual(settings.binance.symbols, ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"])
    assert.strictEqual(settings.binance.maxReconnectAttempts, 10)
    assert.strictEqual(Duration.format(settings.binance.rotateAfter), "23h")
    assert.deepStrictEqual(settings.catchUp, { enabled: true, most: 10_000_000 })
    assert.deepStrictEqual(settings.spill, { maxMegabytes: 1024 })
    assert.strictEqual(Duration.format(settings.storage.retention), "730d")
    assert.strictEqual(Duration.format(settings.storage.compressAfter), "7d")
    assert.strictEqual(settings.batch.size, 100)
    assert.strictEqual(Duration.toMillis(settings.batch.timeout), 1000)
    assert.strictEqual(settings.redis.url, undefined)
    assert.deepStrictEqual(settings.http, { host: "127.0.0.1", port: 3000 })
    assert.deepStrictEqual(settings.logs, { level: "Info", format: "json", dir: undefined })
    assert.deepStrictEqual(settings.telemetry, { otlpEndpoint: undefined, serviceName: "fulltape" })
    assert.strictEqual(settings.environment, "development")
    assert.deepStrictEqual(settings.unknown, [])
  })

  it("counts an empty or blank text as unset", () => {
    const blank = Object.fromEntries(Object.values(variables).map(({ name }) => [name, "  "]))
    assert.deepStrictEqual(JSON.stringify(parsed(blank)), JSON.stringify(parsed({})))
  })

  it.each([
    [{ BINANCE_SYMBOLS: " btcusdt, ETHUSDT ,btcusdt," }, ["BTCUSDT", "ETHUSDT"]],
    [{ BINANCE_SYMBOLS: "币安人生usdt" }, ["币安人生USDT"]],
    [{ BINANCE_SYMBOLS: "1000SATSUSDT" }, ["1000SATSUSDT"]],
  ])("reads the symbols of %o", (environment, expected) => {
    assert.deepStrictEqual(parsed(environment).binance.symbols, expected)
  })

  it.each([
    ["wss://stream.binance.com:9443", "/"],
    ["wss://stream.binance.com:9443/", "/"],
    ["ws://127.0.0.1:8080/ws/", "/ws"],
    ["ws://[::1]:8080/stream", "/stream"],
    ["wss://proxy.example.org/binance/ws", "/binance/ws"],
  ])("takes the stream address %s", (address, path) => {
    assert.strictEqual(parsed({ BINANCE_WS_URL: address }).binance.wsUrl.pathname, path)
  })

  it.each([
    ["90 minutes", "1h 30m"],
    ["1 day", "1d"],
    ["1.5 Hours", "1h 30m"],
    ["2seconds", "2s"],
  ])("takes %s for a time", (text, expected) => {
    assert.strictEqual(Duration.format(parsed({ ROTATE_AFTER: text }).binance.rotateAfter), expected)
  })

  it.each([
    ["3 months", "90d"],
    ["1 year", "365d"],
    ["1 week", "7d"],
  ])("takes %s for the time that trades are kept", (text, expected) => {
    assert.strictEqual(Duration.format(parsed({ RETENTION: text }).storage.retention), expected)
  })

  it("keeps trades a day at least", () => {
    assert.deepStrictEqual(problems({ RETENTION: "23 hours", COMPRESS_AFTER: "never" }), [
      'RETENTION is "23 hours"; it takes a time with its unit, such as 90 minutes or 2 years, from 1d to 36500d.',
      'COMPRESS_AFTER is "never"; it takes a time with its unit, such as 90 minutes or 2 years, from 1h to 36500d.',
    ])
  })

  it.each(["23", "0 seconds", "25 hours", "2 fortnights", "-1 hour", "one hour"])("refuses %s for a time", (text) => {
    assert.deepStrictEqual(problems({ ROTATE_AFTER: text }), [
      `ROTATE_AFTER is "${text}"; it takes a time with its unit, such as 90 minutes or 2 years, from 1s to 1d.`,
    ])
  })

  it("reads a yes and a no", () => {
    assert.isFalse(parsed({ CATCH_UP: "False" }).catchUp.enabled)
    assert.deepStrictEqual(problems({ CATCH_UP: "0" }), [`CATCH_UP is "0"; it takes true or false.`])
  })

  it("derives the REST address only where Binance documents it", () => {
    assert.strictEqual(parsed({ BINANCE_WS_URL: "ws://127.0.0.1:8080/ws" }).binance.restUrl, undefined)
    assert.strictEqual(
      parsed({ BINANCE_REST_URL: "http://127.0.0.1:8081/" }).binance.restUrl?.href,
      "http://127.0.0.1:8081/",
    )
  })

  it.each([
    ["0.0.0.0", "0"],
    ["::", "65535"],
    ["2001:db8:0:0:0:0:0:1", "80"],
    ["my-host.local", "3000"],
  ])("takes HOST %s and PORT %s", (host, port) => {
    assert.deepStrictEqual(parsed({ HOST: host, PORT: port }).http, { host, port: Number(port) })
  })

  const batchSizeTakes = "it takes a whole number from 1 to 100000."
  it.each([
    [{ BATCH_SIZE: "abc" }, `BATCH_SIZE is "abc"; ${batchSizeTakes}`],
    [{ BATCH_SIZE: "0" }, `BATCH_SIZE is "0"; ${batchSizeTakes}`],
    [{ BATCH_SIZE: "1e3" }, `BATCH_SIZE is "1e3"; ${batchSizeTakes}`],
    [{ BATCH_SIZE: "-5" }, `BATCH_SIZE is "-5"; ${batchSizeTakes}`],
    [{ BATCH_SIZE: "1.5" }, `BATCH_SIZE is "1.5"; ${batchSizeTakes}`],
    [{ BATCH_TIMEOUT: "1s" }, `BATCH_TIMEOUT is "1s"; it takes a whole number of milliseconds from 1 to 3600000.`],
    [{ DB_SYNCHRONOUS_COMMIT: "local" }, `DB_SYNCHRONOUS_COMMIT is "local"; it takes on or off.`],
    [{ DB_TIMEOUT: "0" }, `DB_TIMEOUT is "0"; it takes a whole number of milliseconds from 1 to 3600000.`],
    [{ PORT: "65536" }, `PORT is "65536"; it takes a whole number from 0 to 65535.`],
    [{ LOG_LEVEL: "loud" }, `LOG_LEVEL is "loud"; it takes error, warn, info or debug.`],
    [{ LOG_FORMAT: "xml" }, `LOG_FORMAT is "xml"; it takes json or pretty.`],
    [{ BINANCE_SYMBOLS: "BTC/USDT,ETHUSDT" }, `BINANCE_SYMBOLS has "BTC/USDT"; it takes symbols of the exchange`],
    [{ BINANCE_SYMBOLS: "BTCUSDT ETHUSDT" }, `BINANCE_SYMBOLS has "BTCUSDT ETHUSDT"; it takes`],
    [{ BINANCE_SYMBOLS: "," }, `BINANCE_SYMBOLS is ","; it takes`],
    [{ BINANCE_WS_URL: "https://api.binance.com" }, `BINANCE_WS_URL is "https://api.binance.com"; it takes a ws://`],
    [{ BINANCE_WS_URL: "wss://x.org/ws?a=1" }, `BINANCE_WS_URL is "wss://x.org/ws?a=1"; it takes`],
    [{ BINANCE_WS_URL: "wss://x.org/ws#a" }, `BINANCE_WS_URL is "wss://x.org/ws#a"; it takes`],
    [{ BINANCE_WS_URL: "wss://x.org:9443/ws/a@trade" }, `BINANCE_WS_URL is "wss://x.org:9443/ws/a@trade"; it takes`],
    [{ BINANCE_WS_URL: "stream.binance.com" }, `BINANCE_WS_URL is "stream.binance.com"; it takes`],
    [{ BINANCE_REST_URL: "api.binance.com" }, `BINANCE_REST_URL is "api.binance.com"; it takes an http:// or https://`],
    [{ BINANCE_REST_URL: "https://api.binance.com/api/v3" }, `BINANCE_REST_URL is "https://api.binance.com/api/v3"`],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" }, `OTEL_EXPORTER_OTLP_ENDPOINT is "localhost:4318"; it takes`],
    [{ HOST: "http://localhost" }, `HOST is "http://localhost"; it takes a host name or an IP address`],
    [{ DATABASE_URL: "mysql://u:p@h/d" }, "DATABASE_URL starts with mysql://; it takes postgres://user:password@host"],
    [{ DATABASE_URL: "postgres://localhost" }, "DATABASE_URL names no database (its value is not shown); it takes"],
    [{ DATABASE_URL: "postgres:///d" }, "DATABASE_URL names no host (its value is not shown); it takes"],
    [{ DATABASE_URL: "localhost:5432/d" }, "DATABASE_URL does not start with postgres:// (its value is not shown)"],
    [
      { DATABASE_URL: "postgres://u:p@h/d?sslmode=verified" },
      "DATABASE_URL has an sslmode that is none of disable, allow",
    ],
    [
      { DATABASE_URL: "postgres://u:p@h/d?ssl=yes" },
      "DATABASE_URL has an ssl that is neither true nor false; it takes",
    ],
    [
      { DATABASE_URL: "postgres://u:p@h/d?sslcert=a.pem" },
      "DATABASE_URL has sslcert, which is not known here: use sslmode",
    ],
    [{ DATABASE_URL: "postgres://u:p@h/d?sslMode=require" }, "DATABASE_URL has a parameter, which is not known here"],
    [{ DATABASE_URL: "postgres://u:p@h/d?ssl=true&sslmode=prefer" }, "DATABASE_URL has both ssl and sslmode"],
    [
      { DATABASE_URL: "postgres://u:p@h/d?sslmode=no-verify&sslrootcert=ca.pem" },
      "DATABASE_URL has an sslrootcert, and",
    ],
    [{ DATABASE_URL: "postgres://u:p@h/d?sslmode=prefer&sslrootcert=ca.pem" }, "DATABASE_URL has an sslrootcert, and"],
    [{ DATABASE_URL: "postgres://u:p@h/d?ssl=false&sslrootcert=ca.pem" }, "DATABASE_URL has an sslrootcert, and does"],
    [{ DATABASE_URL: "postgres://u:a%zz@h/d" }, "DATABASE_URL is not a readable address (its value is not shown)"],
    [
      { REDIS_URL: "localhost:6379" },
      "REDIS_URL does not start with redis:// (its value is not shown); it takes redis://",
    ],
    [{ REDIS_URL: "http://localhost:6379" }, "REDIS_URL starts with http://; it takes redis://user:password@host"],
    [{ REDIS_URL: "redis://" }, "REDIS_URL names no host (its value is not shown)"],
    [{ REDIS_URL: "redis://:p@/0" }, "REDIS_URL is not a readable address (its value is not shown)"],
    [{ REDIS_URL: "redis://:a%zz@h" }, "REDIS_URL is not a readable address (its value is not shown)"],
    [{ REDIS_URL: "redis://h/0?family=6" }, "REDIS_URL is not a readable address (its value is not shown)"],
    [{ REDIS_URL: "redis://h/cache" }, "REDIS_URL has a path that is no number (its value is not shown)"],
  ])("refuses %o", (environment, expected) => {
    const [problem, ...others] = problems(environment)
    assert.deepStrictEqual(others, [])
    assert.isTrue(problem?.startsWith(expected), `${problem}\n${expected}`)
  })

  it("reports all problems together, one a line", () => {
    const error = Result.getOrThrow(Result.flip(parseSettings({ BATCH_SIZE: "abc", PORT: "x", LOG_LEVEL: "a\nb" })))
    assert.strictEqual(error._tag, "InvalidSettings")
    assert.deepStrictEqual(error.message.split("\n"), [
      'BATCH_SIZE is "abc"; it takes a whole number from 1 to 100000.',
      'PORT is "x"; it takes a whole number from 0 to 65535.',
      'LOG_LEVEL is "a\\nb"; it takes error, warn, info or debug.',
    ])
  })

  it.each([
    ["DATABASE_URL", "postgres://me:hunter2@db:5432/trades"],
    ["DATABASE_URL", "mysql://me:hunter2@db:5432/trades"],
    ["DATABASE_URL", "postgres://me:hunter2#x@db:5432/trades"],
    ["DATABASE_URL", "me:hunter2@db:5432/trades"],
    ["REDIS_URL", "redis://me:hunter2@cache:6379/prices"],
    ["REDIS_URL", "redis://me:hunter2#x@cache:6379"],
    ["REDIS_URL", "http://me:hunter2@cache:6379"],
    ["REDIS_URL", ":hunter2@cache:6379"],
    ["BINANCE_WS_URL", "https://me:hunter2@proxy/ws"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:hunter2/x@collector"],
    ["BINANCE_WS_URL", "https:me:hunter2@proxy"],
    ["BINANCE_REST_URL", "me:hunter2@proxy"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http:me:hunter2@collector"],
  ])("never shows the password in %s=%s", (name, value) => {
    const result = parseSettings({ [name]: value })
    const shown = Result.isSuccess(result)
      ? JSON.stringify(result.success) + String(result.success.database.url)
      : result.failure.message + JSON.stringify(result.failure) + String(result.failure)
    assert.notInclude(shown, "hunter2")
  })

  it.each([
    "",
    ...["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "no-verify"].map(
      (mode) => `?sslmode=${mode}`,
    ),
    "?ssl=true",
    "?sslrootcert=ca.pem",
    "?sslmode=verify-full&sslrootcert=system&application_name=mine",
    "?channel_binding=require&sslmode=require",
  ])("takes %s at the end of DATABASE_URL", (query) => {
    const address = `postgres://me:hunter2@db:5432/trades${query}`
    const { url } = parsed({ DATABASE_URL: address }).database
    assert.strictEqual(url && Redacted.value(url), address)
  })

  it("keeps the password for the database", () => {
    const { url } = parsed({ DATABASE_URL: "postgresql://me:hunter2@db:5432/trades" }).database
    assert.strictEqual(url && Redacted.value(url), "postgresql://me:hunter2@db:5432/trades")
  })

  it("lets a command change defaults, which the environment overrides, and fix what it does not", () => {
    const options = {
      defaults: { MAX_RECONNECT_ATTEMPTS: "0", LOG_FORMAT: "pretty" },
      fixed: { DATABASE_URL: "", BINANCE_WS_URL: "ws://127.0.0.1:9/ws" },
      dataFolder: "demo",
    }
    const settings = parsed(
      { LOG_FORMAT: "json", DATABASE_URL: "postgres://h/d", BINANCE_WS_URL: "wss://x.org", DATA_DIR: "/d" },
      options,
    )
    assert.strictEqual(settings.binance.maxReconnectAttempts, 0)
    assert.strictEqual(settings.logs.format, "json")
    assert.strictEqual(settings.database.url, undefined)
    assert.strictEqual(settings.binance.wsUrl.href, "ws://127.0.0.1:9/ws")
    assert.strictEqual(settings.dataDir, resolve("/d/demo"))
  })

  it("names variables that look like a typing mistake", () => {
    assert.deepStrictEqual(parsed({ BINANCE_SYMBOL: "x", BATCHSIZE: "1", DB_POOL: "1", PATH: "/bin" }).unknown, [
      "BINANCE_SYMBOL",
      "DB_POOL",
    ])
  })

  it.effect("lets the environment win over .env, and an empty variable hide it", () =>
    Effect.gen(function* () {
      const directory = yield* folderWith(
        "# a comment\nBATCH_SIZE=7\nexport PORT='81'\nLOG_DIR=./logs\nLOG_LEVEL=warn\n",
      )
      const settings = yield* loaded({ directory, environment: { BATCH_SIZE: "9", LOG_DIR: "" } })
      assert.strictEqual(settings.batch.size, 9)
      assert.strictEqual(settings.http.port, 81)
      assert.strictEqual(settings.logs.level, "Warn")
      assert.strictEqual(settings.logs.dir, undefined)
    }),
  )

  it.effect("hands the OTEL_ variables of .env to the process, where the SDK reads them", () =>
    Effect.gen(function* () {
      const directory = yield* folderWith("OTEL_TRACES_SAMPLER=always_off\nOTEL_SERVICE_NAME=file\nDB_POOL_MAX=3\n")
      const environment = { OTEL_SERVICE_NAME: "process" }
      yield* loaded({ directory, environment })
      assert.deepStrictEqual<object>(environment, {
        OTEL_SERVICE_NAME: "process",
        OTEL_TRACES_SAMPLER: "always_off",
      })
    }),
  )

  it.effect("needs no .env, and leaves a folder of that name alone", () =>
    Effect.gen(function* () {
      const directory = yield* folderWith(undefined)
      assert.strictEqual((yield* loaded({ directory, environment: {} })).http.port, 3000)
      yield* Effect.promise(() => mkdir(join(directory, ".env")))
      assert.strictEqual((yield* loaded({ directory, environment: {} })).http.port, 3000)
    }),
  )

  it.effect("fails with everything that is wrong in .env and the environment", () =>
    Effect.gen(function* () {
      const directory = yield* folderWith("BATCH_SIZE=none\n")
      const error = yield* Effect.flip(loaded({ directory, environment: { PORT: "none" } }))
      assert.strictEqual(error._tag, "InvalidSettings")
      assert.lengthOf(error.problems, 2)
    }),
  )

  it.effect(".env.example lists every variable with its default and meaning, and sets LOG_DIR", () =>
    Effect.gen(function* () {
      const example = yield* Effect.promise(() => readFile(new URL("../.env.example", import.meta.url), "utf8"))
      const listed = [...example.matchAll(/^# (.*)\n(#?\w+)=(.*)$/gm)].map(([, meaning, name, value]) => [
        name,
        value,
        meaning,
      ])
      assert.deepStrictEqual(
        listed,
        Object.values(variables).map(({ default: byDefault, meaning, name }) =>
          name === "LOG_DIR" ? [name, "./logs", meaning] : [`#${name}`, byDefault, meaning],
        ),
      )
    }),
  )
})
