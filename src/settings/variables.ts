import { Duration } from "effect"
import * as Format from "./Format.ts"

/** A variable of the environment. */
export interface Variable<out A = unknown, out Name extends string = string> {
  readonly name: Name
  /** As one would write it; empty: none. */
  readonly default: string
  /** One line, for `--help`, the README and `.env.example`. */
  readonly meaning: string
  readonly format: Format.Format<A>
}

const variable = <A, const Name extends string>(
  name: Name,
  byDefault: string,
  meaning: string,
  format: Format.Format<A>,
): Variable<A, Name> => ({ name, default: byDefault, meaning, format })

const milliseconds = Format.wholeNumber({ min: 1, max: 3_600_000, unit: "milliseconds" })

/** Every variable that the service reads, in the order in which a person wants to know them. */
export const variables = {
  databaseUrl: variable(
    "DATABASE_URL",
    "",
    "the PostgreSQL to write to; unset: an embedded one in DATA_DIR",
    Format.optional(Format.databaseUrl),
  ),
  dataDir: variable("DATA_DIR", "./data", "what the service keeps on disk; the demo uses DATA_DIR/demo", Format.folder),
  dbPoolMax: variable(
    "DB_POOL_MAX",
    "20",
    "connections to the database at most",
    Format.wholeNumber({ min: 1, max: 1000 }),
  ),
  dbTimeout: variable("DB_TIMEOUT", "5000", "milliseconds to connect to the database or run a statement", milliseconds),
  dbSynchronousCommit: variable(
    "DB_SYNCHRONOUS_COMMIT",
    "on",
    "whether a commit waits for the disk of the server: docs/guarantees.md says what off gives up",
    Format.oneOf(["on", "off"]),
  ),
  wsUrl: variable(
    "BINANCE_WS_URL",
    "wss://stream.binance.com:9443/ws",
    "the exchange's streams; path /ws, /stream or none",
    Format.streamUrl,
  ),
  restUrl: variable(
    "BINANCE_REST_URL",
    "",
    "the exchange's REST API; unset: the one that belongs to BINANCE_WS_URL, none for a host that is not Binance's",
    Format.optional(Format.httpUrl({ example: "https://api.binance.com", without: /\/api(\/|$)/ })),
  ),
  symbols: variable(
    "BINANCE_SYMBOLS",
    "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,ADAUSDT,XRPUSDT",
    "the symbols to store, separated by commas",
    Format.symbols,
  ),
  batchSize: variable(
    "BATCH_SIZE",
    "100",
    "trades that make a batch; under load the batches that wait are committed together",
    Format.wholeNumber({ min: 1, max: 100_000 }),
  ),
  batchTimeout: variable("BATCH_TIMEOUT", "1000", "milliseconds a trade waits for its batch at most", milliseconds),
  maxReconnectAttempts: variable(
    "MAX_RECONNECT_ATTEMPTS",
    "10",
    "failed attempts to connect in a row before the service gives up; 0: never, as npm start has it unless set",
    Format.wholeNumber({ min: 0, max: 1_000_000 }),
  ),
  catchUp: variable(
    "CATCH_UP",
    "true",
    "whether trades that were missed while the service was stopped are fetched; false: their ids become unfillable",
    Format.yesOrNo,
  ),
  catchUpMax: variable(
    "CATCH_UP_MAX",
    "10000000",
    "ids of one hole that are fetched at most, the newest ones; those before them become unfillable",
    Format.wholeNumber({ min: 1, max: 1_000_000_000 }),
  ),
  rotateAfter: variable(
    "ROTATE_AFTER",
    "23 hours",
    "how long a connection lives before it is replaced; the exchange ends it after 24 hours",
    Format.duration({ min: "1 second", max: "24 hours" }),
  ),
  spillMaxMb: variable(
    "SPILL_MAX_MB",
    "1024",
    "megabytes on disk, in DATA_DIR, for trades that wait while the database is away",
    Format.wholeNumber({ min: 1, max: 1_000_000 }),
  ),
  retention: variable(
    "RETENTION",
    "2 years",
    "how long trades are kept; older ones are dropped a chunk at a time",
    Format.duration({ min: "1 day", max: Duration.days(36_500) }),
  ),
  compressAfter: variable(
    "COMPRESS_AFTER",
    "7 days",
    "the age at which TimescaleDB's community edition compresses trades",
    Format.duration({ min: "1 hour", max: Duration.days(36_500) }),
  ),
  redisUrl: variable(
    "REDIS_URL",
    "",
    "the Redis that gets the latest prices; unset: they are kept in memory alone",
    Format.optional(Format.redisUrl),
  ),
  host: variable("HOST", "127.0.0.1", "the interface that HTTP listens on; 0.0.0.0: all of them", Format.host),
  port: variable("PORT", "3000", "the port of HTTP; 0: any free one", Format.wholeNumber({ min: 0, max: 65_535 })),
  logLevel: variable(
    "LOG_LEVEL",
    "info",
    "error, warn, info or debug",
    Format.oneOf(["error", "warn", "info", "debug"]),
  ),
  logFormat: variable("LOG_FORMAT", "json", "json for programs, pretty for people", Format.oneOf(["json", "pretty"])),
  logDir: variable(
    "LOG_DIR",
    "",
    "a folder for combined.log, error.log and performance.log; unset: no files",
    Format.optional(Format.folder),
  ),
  otlpEndpoint: variable(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "",
    "the OpenTelemetry collector that gets the traces, over HTTP; unset: none are made",
    Format.optional(Format.httpUrl({ example: "http://localhost:4318" })),
  ),
  serviceName: variable("OTEL_SERVICE_NAME", "fulltape", "the service's name in logs and traces", Format.text),
  environment: variable("NODE_ENV", "development", "the environment's name in traces", Format.text),
}

/** The name of a variable that the service reads. */
export type VariableName = (typeof variables)[keyof typeof variables]["name"]
