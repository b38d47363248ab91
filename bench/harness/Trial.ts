import { Duration, Effect, Schema } from "effect"
import { eventually } from "../../test/fixtures/service/eventually.ts"
import { startExchange } from "../../test/fixtures/service/ExchangeProcess.ts"
import { built } from "./built.ts"
import { type ContenderName, startContender, symbols } from "./Contender.ts"
import { cpuSecondsOf, cpuSecondsWithChildren, peakMebibytesOf } from "./cpu.ts"
import { caughtUp, missingOf } from "./completeness.ts"
import { outcomeOf, type Quantiles } from "./Outcome.ts"
import { Server } from "./Server.ts"

export interface TrialOptions {
  readonly name: ContenderName
  readonly seed: string
  /** Trades a second, of all symbols. */
  readonly rate: number
  /** Seconds that are looked at, after some to warm up. */
  readonly seconds: number
  readonly batchSize: number
  /** Milliseconds. */
  readonly batchTimeout: number
  /** Whether the contender tells when trades reached its callback. */
  readonly subscribed?: boolean
  /** Seconds that a contender may take to store what it is behind with, before it is missing. */
  readonly patience: number
  /** A folder that gets a CPU profile of the contender. */
  readonly profileTo?: string
  /** What goes wrong at the exchange; what is missing then may still be asked for. */
  readonly faults?: ReadonlyArray<object>
}

/** What one run of one contender came to. */
export interface Trial {
  readonly name: ContenderName
  readonly rate: number
  /** Trades committed a second. */
  readonly committedPerSecond: number
  /** Ids from the first that was sent to the last that was public, of all symbols, that are not stored. */
  readonly missing: number
  readonly latency: Quantiles
  /** From the close of a batch to its commit, at most. */
  readonly afterClose: Quantiles
  /** From publication to commit, of half of the trades of the last half second: large when the backlog grew. */
  readonly lagAtEnd: number
  /** µs of CPU a committed trade. */
  readonly cpu: { readonly process: number; readonly database: number; readonly simulator: number }
  readonly peakMebibytes: number
  /** Milliseconds from the start of the process to the commit of its first trade. */
  readonly firstStored: number
  /** From publication to the callback. */
  readonly arrivals: Quantiles | undefined
}

/** Seconds, of which a short trial has fewer: what runs for months is not measured while it is compiled. */
const WARM_UP = 5

const micros = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000)

/** Runs a contender against a simulator, both anew, on a new database; the same seed sends the same trades. */
export const trial = (options: TrialOptions) => Effect.scoped(run(options))

const run = Effect.fnUntraced(function* (options: TrialOptions) {
  const { name, patience, profileTo, rate, seconds, seed, subscribed = false } = options
  const repairs = options.faults !== undefined
  const server = yield* Server
  const database = yield* server.database
  const query = yield* database.connected
  const exchange = yield* built(
    startExchange(
      `--rate=${rate}`,
      `--seed=${seed}`,
      `--symbols=${symbols.join(",")}`,
      "--epoch=now",
      ...(options.faults === undefined ? [] : [`--faults=${JSON.stringify(options.faults)}`]),
    ),
  )
  const startedAt = micros()
  const { batchSize, batchTimeout } = options
  const contender = yield* startContender({
    name,
    subscribed,
    database,
    exchange,
    batchSize,
    batchTimeout,
    profileTo,
  })
  yield* contender.explained(
    eventually("A stored trade", query("SELECT FROM raw_trades LIMIT 1"), ({ length }) => length > 0),
  )
  yield* Effect.sleep(Duration.seconds(Math.min(WARM_UP, seconds)))
  const sample = () => ({
    at: micros(),
    process: cpuSecondsOf(contender.pid),
    database: cpuSecondsWithChildren(server.pid),
    simulator: cpuSecondsOf(exchange.program.pid),
  })
  const before = sample()
  yield* Effect.sleep(Duration.seconds(seconds))
  const after = sample()
  const { newestId } = yield* exchange.state
  yield* caughtUp(query, newestId, patience)
  const peakMebibytes = peakMebibytesOf(contender.pid)
  const missing = yield* missingOf({ query, exchange, newest: newestId, patience: repairs ? patience : 1 })
  if (subscribed || profileTo !== undefined) {
    yield* contender.signal("SIGTERM")
    yield* contender.end("30 seconds")
  }
  yield* contender.stop("SIGKILL")
  yield* exchange.program.stop("SIGKILL")
  const outcome = yield* outcomeOf(query, { from: before.at, to: after.at }, options)
  const micro = (from: number, to: number): number => ((to - from) / outcome.committed) * 1e6
  return {
    name,
    rate,
    missing,
    committedPerSecond: (outcome.committed / (after.at - before.at)) * 1e6,
    latency: outcome.latency,
    afterClose: outcome.afterClose,
    lagAtEnd: outcome.lagAtEnd,
    cpu: {
      process: micro(before.process, after.process),
      database: micro(before.database, after.database),
      simulator: micro(before.simulator, after.simulator),
    },
    peakMebibytes,
    firstStored: (outcome.firstCommit - startedAt) / 1000,
    arrivals: subscribed ? arrivalsIn(contender.lines) : undefined,
  } satisfies Trial
})

const readArrivals = Schema.decodeUnknownSync(
  Schema.fromJsonString(
    Schema.Struct({ arrivals: Schema.Struct({ p50: Schema.Number, p99: Schema.Number, p999: Schema.Number }) }),
  ),
)

const arrivalsIn = (lines: ReadonlyArray<string>): Quantiles | undefined => {
  const line = lines.find((text) => text.startsWith('{"arrivals"'))
  return line === undefined ? undefined : readArrivals(line).arrivals
}
