import { Context, Effect, Layer, Schema } from "effect"
import { makeExchange } from "./Exchange.ts"
import { type Fault } from "./faults/Fault.ts"
import { simulatorState } from "./Inspection.ts"
import { systemClock } from "./protocol/ExchangeClock.ts"
import { documentedLimits, type Limits } from "./protocol/Limits.ts"
import { type SentOfSymbol } from "./protocol/SentTrades.ts"
import { loadCaptures } from "./source/Capture.ts"
import { makeSyntheticMarket } from "./source/SyntheticMarket.ts"

/** Why the simulator did not start, in one sentence. */
export class SimulatorError extends Schema.TaggedError<SimulatorError>()("SimulatorError", {
  message: Schema.String,
}) {}

/** Every option has a default. */
export interface SimulatorOptions {
  /** 127.0.0.1 */
  readonly host?: string | undefined
  /** 0: a free one. */
  readonly port?: number | undefined
  /** What the market is made from; the same seed gives the same trades. */
  readonly seed?: string | undefined
  /** BTCUSDT, ETHUSDT, SOLUSDT, BNBUSDT, ADAUSDT, XRPUSDT. */
  readonly symbols?: ReadonlyArray<string> | undefined
  /** Trades a second over all symbols: 100. */
  readonly rate?: number | undefined
  /** The id of every symbol's first trade after the epoch; unless given each symbol has its own. */
  readonly startId?: number | undefined
  /** When every symbol's first trade happened, ms since the epoch: 2026-01-01. A restart continues from there. */
  readonly epoch?: number | undefined
  /** Trades of each symbol in this run; no end unless given. */
  readonly count?: number | undefined
  /** Whether `count` and a capture start with the first subscriber of a stream; true unless given. */
  readonly atSubscribe?: boolean | undefined
  /** Recorded files to replay instead of the market. */
  readonly captures?: ReadonlyArray<string> | undefined
  /** How much faster than recorded; 0: as fast as the client reads. */
  readonly speed?: number | undefined
  readonly faults?: ReadonlyArray<Fault> | undefined
  readonly limits?: Partial<Limits> | undefined
}

const defaultSymbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]

const makeSource = (options: SimulatorOptions) =>
  options.captures !== undefined && options.captures.length > 0
    ? loadCaptures(options.captures, { speed: options.speed ?? 1, atSubscribe: options.atSubscribe ?? true }).pipe(
        Effect.mapError((error) => new SimulatorError({ message: error.message })),
      )
    : Effect.sync(() =>
        makeSyntheticMarket({
          seed: options.seed ?? "fulltape",
          symbols: options.symbols ?? defaultSymbols,
          rate: options.rate ?? 100,
          epoch: (options.epoch ?? Date.UTC(2026, 0, 1)) * 1000,
          startId: options.startId,
          count: options.count,
          atSubscribe: options.atSubscribe ?? true,
        }),
      )

/** An exchange on this machine that speaks Binance's public market data protocol. */
export class Simulator extends Context.Service<
  Simulator,
  {
    /** For BINANCE_WS_URL. */
    readonly wsUrl: string
    /** For BINANCE_REST_URL. */
    readonly restUrl: string
    readonly port: number
    /** Which trades reached at least one connection, by symbol. */
    readonly sent: Effect.Effect<Readonly<Record<string, SentOfSymbol>>>
    readonly state: Effect.Effect<ReturnType<typeof simulatorState>>
    /** Adds to the schedule; `at` counts from now on. */
    readonly inject: (faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  }
>()("fulltape/simulator/Simulator") {
  /** Listens while the scope is open, then cuts every connection. */
  static readonly layer = (options: SimulatorOptions = {}): Layer.Layer<Simulator, SimulatorError> =>
    Layer.effect(
      Simulator,
      Effect.gen(function* () {
        const host = options.host ?? "127.0.0.1"
        const source = yield* makeSource(options)
        const { faults, server, streams } = yield* Effect.acquireRelease(
          Effect.sync(() => makeExchange(source, systemClock, { ...documentedLimits, ...options.limits })),
          (exchange) => Effect.sync(exchange.close),
        )
        const port = yield* Effect.callback<number, SimulatorError>((resume) => {
          const refused = (cause: Error) =>
            resume(
              new SimulatorError({
                message: `The simulator cannot listen on ${host}:${options.port ?? 0} (${cause.message}); choose another --port or --host.`,
              }),
            )
          server.once("error", refused)
          server.listen(options.port ?? 0, host, () => {
            server.off("error", refused)
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        })
        source.open(systemClock())
        faults.add(options.faults ?? [])
        const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`
        return Simulator.of({
          wsUrl: `ws://${authority}/ws`,
          restUrl: `http://${authority}`,
          port,
          sent: Effect.sync(() => streams.sent.bySymbol()),
          state: Effect.sync(() => simulatorState({ source, clock: systemClock, streams, faults })),
          inject: (more) => Effect.sync(() => faults.add(more)),
        })
      }),
    )
}
