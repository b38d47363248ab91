import { Effect, Layer, Stream } from "effect"
import { Checks } from "../../src/api/Checks.ts"
import * as watchPipeline from "../../src/api/watchPipeline.ts"
import { type ConnectionStatus, TradeFeed } from "../../src/feed/TradeFeed.ts"
import type { NewestTrade } from "../../src/ingest/Continuity.ts"
import { Ingest, type PipelineState } from "../../src/ingest/Ingest.ts"
import { Flavour } from "../../src/store/Flavour.ts"
import { StartStep } from "../../src/store/StartStep.ts"
import { StoreError } from "../../src/store/StoreError.ts"
import { TradeStore } from "../../src/store/TradeStore.ts"
import { Performance, type PerformanceSnapshot } from "../../src/telemetry/Performance.ts"

/** A connection that delivers; its times are those of a TestClock that was not moved. */
export const connected: ConnectionStatus = {
  name: "1",
  host: "stream.binance.com:9443",
  state: "connected",
  since: 0,
  sinceMonotonic: 0,
  disconnectedAt: undefined,
  symbols: ["BTCUSDT", "ETHUSDT"],
  lastFrameAt: 0,
  reconnects: 0,
  rotations: 2,
  nextRotationAt: 82_800_000,
  lastLoss: undefined,
}

/** One that was lost. */
export const waiting: ConnectionStatus = {
  ...connected,
  name: "2",
  state: "waiting",
  disconnectedAt: 0,
  symbols: ["SOLUSDT"],
  lastFrameAt: undefined,
  reconnects: 3,
  nextRotationAt: undefined,
  lastLoss: "stream.binance.com:9443 cannot be reached (ECONNREFUSED).",
}

/** Numbers that are all different. */
export const snapshot: PerformanceSnapshot = {
  tradesPerSecond: 1250.5,
  averageLatency: 12.25,
  batchProcessingTime: 3.5,
  queryTime: 3.25,
  messagesPerSecond: 1001,
  errorCount: 4,
  reconnectionCount: 5,
  memoryUsage: 123_456_789,
  bufferSize: 42,
  totalTrades: 98_765,
  totalBatches: 988,
  uptime: 78.9,
}

/** What the API sees of the service; a test may change it between two requests. */
export class Fakes {
  pipeline: PipelineState = { name: "running", since: 0 }
  newest: ReadonlyArray<NewestTrade> = []
  databaseFails = false
  pings = 0
  snapshots = 0
  connections: ReadonlyArray<ConnectionStatus> = [connected]

  /** @param ping what to do in place of answering at once. */
  layer(ping: Effect.Effect<void> = Effect.void) {
    return watchPipeline.layer.pipe(Layer.provideMerge(this.parts(ping)), Layer.provideMerge(this.starting("")))
  }

  /** Before there is a pipeline. */
  starting(step: string) {
    return Checks.layer.pipe(
      Layer.provide(Layer.succeed(StartStep, { now: Effect.succeed(step), enter: () => Effect.void })),
      Layer.merge(this.performance),
    )
  }

  private parts(ping: Effect.Effect<void>) {
    return Layer.mergeAll(
      Layer.succeed(TradeFeed, {
        trades: () => Stream.never,
        renew: () => Effect.void,
        connections: Effect.sync(() => this.connections),
      }),
      Layer.succeed(TradeStore, {
        write: () => Effect.succeed({ stored: 0, duplicate: 0, quarantined: 0, opened: 0 }),
        repair: () => Effect.succeed({ stored: 0, duplicate: 0, quarantined: 0, opened: 0 }),
        setAside: () => Effect.void,
        symbols: Effect.succeed([]),
        ping: Effect.suspend(() => {
          this.pings += 1
          return this.databaseFails
            ? Effect.fail(new StoreError({ code: "ECONNREFUSED", detail: "connect ECONNREFUSED 127.0.0.1:5432" }))
            : ping
        }),
      }),
      Layer.succeed(Flavour, { name: "timescaledb-community", version: "2.29.2" }),
      Layer.succeed(Ingest, {
        run: Effect.never,
        state: Effect.sync(() => this.pipeline),
        newest: Effect.sync(() => this.newest),
      }),
    )
  }

  private readonly performance = Layer.succeed(Performance, {
    snapshot: Effect.sync(() => {
      this.snapshots += 1
      return snapshot
    }),
  })
}
