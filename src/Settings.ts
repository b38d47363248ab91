import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Context, Duration, Effect, Layer, type LogLevel, Redacted, Result, Schema } from "effect"
import { join } from "node:path"
import { restUrlOf } from "./market/Market.ts"
import { type Environment, readEnvironment } from "./settings/environment.ts"
import { type Variable, type VariableName, variables } from "./settings/variables.ts"

/** What is wrong with the settings, all of it. No problem shows a password. */
export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  problems: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return this.problems.join("\n")
  }
}

/** What a command changes about the settings, as a person would write them. An empty text is an unset variable. */
export interface SettingsOptions {
  /** For the variables that are not set. */
  readonly defaults?: Readonly<Partial<Record<VariableName, string>>>
  /** Whatever is set. */
  readonly fixed?: Readonly<Partial<Record<VariableName, string>>>
  /** A folder inside DATA_DIR to use in its place, so that two uses never meet. */
  readonly dataFolder?: string
  /** Where variables come from: by default the process and the `.env` of the working directory. */
  readonly environment?: Environment
  readonly directory?: string
}

/** Everything that a person can set, read once and validated together. Layers take the part that they need. */
export class Settings extends Context.Service<
  Settings,
  {
    readonly database: {
      /** undefined: the embedded PostgreSQL in `dataDir`. */
      readonly url: Redacted.Redacted<string> | undefined
      readonly poolMax: number
      readonly timeout: Duration.Duration
      readonly synchronousCommit: "on" | "off"
    }
    /** Absolute. */
    readonly dataDir: string
    readonly binance: {
      /** Its path ends in `/ws` or `/stream`, or is `/`. */
      readonly wsUrl: URL
      /** undefined: no REST host is known for this stream host; symbol check and repair are off. */
      readonly restUrl: URL | undefined
      /** At least one, upper case, each once. */
      readonly symbols: ReadonlyArray<string>
      /** 0: never give up. */
      readonly maxReconnectAttempts: number
      /** How long a connection lives before it is replaced. */
      readonly rotateAfter: Duration.Duration
    }
    readonly catchUp: {
      /** Whether what was missed while the service was stopped is fetched. */
      readonly enabled: boolean
      /** Ids of one hole. */
      readonly most: number
    }
    readonly spill: { readonly maxMegabytes: number }
    readonly storage: {
      /** How long trades are kept. */
      readonly retention: Duration.Duration
      /** The age at which they are compressed, where the database can. */
      readonly compressAfter: Duration.Duration
    }
    /** undefined: latest prices are kept in memory alone. */
    readonly redis: { readonly url: Redacted.Redacted<string> | undefined }
    readonly batch: {
      readonly size: number
      readonly timeout: Duration.Duration
    }
    /** Port 0: any free one. */
    readonly http: { readonly host: string; readonly port: number }
    readonly logs: {
      readonly level: LogLevel.LogLevel
      readonly format: "json" | "pretty"
      /** Absolute; undefined: no files. */
      readonly dir: string | undefined
    }
    readonly telemetry: {
      /** undefined: nothing is exported. */
      readonly otlpEndpoint: URL | undefined
      readonly serviceName: string
    }
    readonly environment: string
    /** Variables that look like ours and are not, such as BINANCE_SYMBOL: worth a warning. */
    readonly unknown: ReadonlyArray<string>
  }
>()("fulltape/Settings") {
  /** Reads the environment and `.env`; fails once, with every problem. */
  static readonly layer = (options: SettingsOptions = {}): Layer.Layer<Settings, InvalidSettings> =>
    Layer.effect(
      Settings,
      readEnvironment(options.environment ?? process.env, options.directory ?? process.cwd()).pipe(
        Effect.mapError(
          (error) => new InvalidSettings({ problems: [`.env cannot be read: ${error.message}. Make it readable.`] }),
        ),
        Effect.flatMap((environment) => Effect.fromResult(parseSettings(environment, options))),
      ),
    ).pipe(Layer.provide(NodeFileSystem.layer))
}

/** The settings that an environment spells, or everything that is wrong with it. */
export const parseSettings = (
  environment: Environment,
  options: SettingsOptions = {},
): Result.Result<Settings["Service"], InvalidSettings> => {
  const read = <A>({ default: byDefault, format, name }: Variable<A, VariableName>): Result.Result<A, string> => {
    const text = options.fixed?.[name] ?? (environment[name]?.trim() || options.defaults?.[name] || byDefault)
    return Result.mapError(format.parse(text), (problem) => `${name} ${problem}; it takes ${format.accepts}.`)
  }
  const results = {
    databaseUrl: read(variables.databaseUrl),
    dataDir: read(variables.dataDir),
    dbPoolMax: read(variables.dbPoolMax),
    dbTimeout: read(variables.dbTimeout),
    dbSynchronousCommit: read(variables.dbSynchronousCommit),
    wsUrl: read(variables.wsUrl),
    restUrl: read(variables.restUrl),
    symbols: read(variables.symbols),
    batchSize: read(variables.batchSize),
    batchTimeout: read(variables.batchTimeout),
    maxReconnectAttempts: read(variables.maxReconnectAttempts),
    catchUp: read(variables.catchUp),
    catchUpMax: read(variables.catchUpMax),
    rotateAfter: read(variables.rotateAfter),
    spillMaxMb: read(variables.spillMaxMb),
    retention: read(variables.retention),
    compressAfter: read(variables.compressAfter),
    redisUrl: read(variables.redisUrl),
    host: read(variables.host),
    port: read(variables.port),
    logLevel: read(variables.logLevel),
    logFormat: read(variables.logFormat),
    logDir: read(variables.logDir),
    otlpEndpoint: read(variables.otlpEndpoint),
    serviceName: read(variables.serviceName),
    environment: read(variables.environment),
  }
  return Result.all(results).pipe(
    Result.mapError(() => {
      const all: ReadonlyArray<Result.Result<unknown, string>> = Object.values(results)
      return new InvalidSettings({
        problems: all.flatMap((result) => (Result.isFailure(result) ? [result.failure] : [])),
      })
    }),
    Result.map((value) => ({
      database: {
        url: value.databaseUrl === undefined ? undefined : Redacted.make(value.databaseUrl, { label: "DATABASE_URL" }),
        poolMax: value.dbPoolMax,
        timeout: Duration.millis(value.dbTimeout),
        synchronousCommit: value.dbSynchronousCommit,
      },
      dataDir: options.dataFolder === undefined ? value.dataDir : join(value.dataDir, options.dataFolder),
      binance: {
        wsUrl: value.wsUrl,
        restUrl: value.restUrl ?? restUrlOf(value.wsUrl),
        symbols: value.symbols,
        maxReconnectAttempts: value.maxReconnectAttempts,
        rotateAfter: value.rotateAfter,
      },
      catchUp: { enabled: value.catchUp, most: value.catchUpMax },
      spill: { maxMegabytes: value.spillMaxMb },
      storage: { retention: value.retention, compressAfter: value.compressAfter },
      redis: { url: value.redisUrl === undefined ? undefined : Redacted.make(value.redisUrl, { label: "REDIS_URL" }) },
      batch: { size: value.batchSize, timeout: Duration.millis(value.batchTimeout) },
      http: { host: value.host, port: value.port },
      logs: { level: logLevels[value.logLevel], format: value.logFormat, dir: value.logDir },
      telemetry: { otlpEndpoint: value.otlpEndpoint, serviceName: value.serviceName },
      environment: value.environment,
      unknown: Object.keys(environment).filter(looksLikeOurs).toSorted(),
    })),
  )
}

const logLevels = { error: "Error", warn: "Warn", info: "Info", debug: "Debug" } as const

const known: ReadonlySet<string> = new Set(Object.values(variables).map(({ name }) => name))

const looksLikeOurs = (name: string): boolean =>
  /^(BINANCE|BATCH|CATCH_UP|COMPRESS|DATABASE|DB|LOG|MAX_RECONNECT|RETENTION|ROTATE|SPILL)_|^REDIS_UR/.test(name) &&
  !known.has(name)
