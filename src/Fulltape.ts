import { Effect, Layer } from "effect"
import { join } from "node:path"
import { Checks } from "./api/Checks.ts"
import * as Http from "./api/Http.ts"
import * as watchPipeline from "./api/watchPipeline.ts"
import * as BinanceFeed from "./feed/binance/BinanceFeed.ts"
import * as BinanceHistory from "./feed/binance/BinanceHistory.ts"
import { BinanceHttp } from "./feed/binance/BinanceHttp.ts"
import { BinanceRest } from "./feed/binance/BinanceRest.ts"
import * as noHistory from "./feed/noHistory.ts"
import { GapRepair } from "./ingest/GapRepair.ts"
import { Ingest } from "./ingest/Ingest.ts"
import { Spill } from "./ingest/Spill.ts"
import { TradeBus } from "./ingest/TradeBus.ts"
import { marketOf } from "./market/Market.ts"
import { Settings } from "./Settings.ts"
import { CandleStore } from "./store/CandleStore.ts"
import * as Database from "./store/Database.ts"
import { databaseIdentity } from "./store/databaseIdentity.ts"
import { EmbeddedPostgres } from "./store/EmbeddedPostgres.ts"
import { GapLedger } from "./store/GapLedger.ts"
import { LatestPrices } from "./store/LatestPrices.ts"
import * as PriceMirror from "./store/redis/PriceMirror.ts"
import { Redis } from "./store/redis/Redis.ts"
import * as StartStep from "./store/StartStep.ts"
import { TradeStore } from "./store/TradeStore.ts"
import { Upkeep } from "./store/Upkeep.ts"
import * as Logs from "./telemetry/Logs.ts"
import { Performance } from "./telemetry/Performance.ts"
import * as Tracing from "./telemetry/Tracing.ts"
import * as Vitals from "./telemetry/Vitals.ts"
import { version } from "./version.ts"

const tracing = Layer.unwrap(
  Effect.map(Settings, ({ environment, telemetry: { otlpEndpoint, serviceName } }) =>
    Tracing.layer({ endpoint: otlpEndpoint, serviceName, serviceVersion: version, environment }),
  ),
)

/** Logs, and traces on top of them. */
export const telemetry = tracing.pipe(
  Layer.provideMerge(
    Layer.unwrap(
      Effect.map(Settings, ({ logs, telemetry }) => Logs.layer({ ...logs, service: telemetry.serviceName })),
    ),
  ),
)

/** The pool of DATABASE_URL, or of the embedded server that this process owns, migrated and of the right market. */
export const database = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const { url, ...pool } = settings.database
    const market = marketOf(settings.binance.wsUrl)
    if (url !== undefined) return Database.layer({ ...pool, url, market })
    return Layer.unwrap(Effect.map(EmbeddedPostgres, ({ url }) => Database.layer({ ...pool, url, market }))).pipe(
      Layer.provide(EmbeddedPostgres.layer({ dataDir: settings.dataDir })),
      Layer.provide(Layer.effectDiscard(StartStep.startStep("It starts the embedded PostgreSQL."))),
    )
  }),
)

/** Logs of the commands whose answer is on standard output: for people, on standard error. */
const logsBeside = Layer.unwrap(
  Effect.map(Settings, ({ logs, telemetry }) =>
    Logs.layer({
      level: logs.level,
      format: "pretty",
      dir: undefined,
      service: telemetry.serviceName,
      output: process.stderr,
    }),
  ),
)

/** The pool as it is, for the commands beside the service: they use the embedded server that is running, or start it while they run. */
export const databaseBeside = (options: { readonly mustExist: boolean }) =>
  Layer.unwrap(
    Effect.map(Settings, (settings) => {
      const { url, ...pool } = settings.database
      if (url !== undefined) return Database.connected({ ...pool, url })
      return Layer.unwrap(Effect.map(EmbeddedPostgres, ({ url }) => Database.connected({ ...pool, url }))).pipe(
        Layer.provide(EmbeddedPostgres.layerAttach({ dataDir: settings.dataDir, ...options })),
      )
    }),
  ).pipe(Layer.provideMerge(tracing.pipe(Layer.provideMerge(logsBeside))))

/** The exchange's REST host, where one is known: what it lists, and what it still serves of the past, weighed together. */
export const rest = Layer.unwrap(
  Effect.map(Settings, ({ binance: { restUrl } }) =>
    restUrl === undefined
      ? noHistory.layer
      : Layer.mergeAll(BinanceRest.layerNoDeps, BinanceHistory.layerNoDeps).pipe(
          Layer.provide(BinanceHttp.layer({ restUrl })),
        ),
  ),
)

/** What waits on disk while the database is away: beside nothing else, and of this database alone. */
const spill = Layer.unwrap(
  Effect.gen(function* () {
    const { binance, dataDir, spill } = yield* Settings
    const owner = { market: marketOf(binance.wsUrl), database: yield* databaseIdentity }
    yield* StartStep.startStep("It opens what waits on disk.")
    return Spill.layer({ folder: join(dataDir, "spill"), maxMegabytes: spill.maxMegabytes, owner })
  }),
)

/** What each symbol was last traded at, of what is committed; Redis, where there is one, follows. */
const latestPrices = Layer.unwrap(
  Effect.map(Settings, ({ binance, database: { timeout }, redis: { url } }) => {
    const inMemory = LatestPrices.layer({ timeout })
    if (url === undefined) return inMemory
    return PriceMirror.layer.pipe(
      Layer.provide(Redis.layer({ url, market: marketOf(binance.wsUrl) })),
      Layer.provideMerge(inMemory),
    )
  }),
)

/** Trades are written here; whoever writes, the latest prices hear of it. */
const tradeStore = Layer.unwrap(
  Effect.gen(function* () {
    const { binance, catchUp, database } = yield* Settings
    const { committed } = yield* LatestPrices
    return TradeStore.layer({
      timeout: database.timeout,
      market: marketOf(binance.wsUrl),
      mostMissing: catchUp.most,
      onCommitted: committed,
    })
  }),
).pipe(Layer.provideMerge(latestPrices))

/** The way of a trade, from the exchange to the database. */
export const pipeline = Layer.unwrap(
  Effect.map(Settings, ({ batch, binance, catchUp, dataDir, database: { timeout }, storage }) =>
    Ingest.layer({
      symbols: binance.symbols,
      batchSize: batch.size,
      batchTimeout: batch.timeout,
      catchUp: catchUp.enabled,
      mostMissing: catchUp.most,
    }).pipe(
      Layer.provide([GapRepair.layer, spill]),
      Layer.provideMerge(GapLedger.layer({ timeout })),
      Layer.provideMerge(CandleStore.layer({ timeout })),
      Layer.provideMerge(BinanceFeed.layer(binance)),
      Layer.provideMerge(TradeBus.layer),
      Layer.provideMerge(tradeStore),
      Layer.merge(Upkeep.layerRunning(storage)),
      Layer.merge(Vitals.layer({ dataDir })),
    ),
  ),
).pipe(Layer.provideMerge(rest), Layer.provideMerge(database), Layer.provideMerge(Performance.layer))

/** What others may ask, from the moment the port is open: until there is a pipeline, that the service is starting. */
export const http = Layer.unwrap(
  Effect.map(Settings, ({ http, telemetry }) => Http.layer({ ...http, service: telemetry.serviceName, version })),
).pipe(Layer.provideMerge(Checks.layer), Layer.provideMerge(StartStep.layer), Layer.provideMerge(Performance.layer))

/** The pipeline, and HTTP, which is there before it and answers by it. */
export const service = watchPipeline.layer.pipe(Layer.provideMerge(pipeline), Layer.provideMerge(http))
