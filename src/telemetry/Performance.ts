import { Context, Effect, Layer, Metric, Schedule } from "effect"
import * as Metrics from "./Metrics.ts"
import { register } from "./register.ts"
import * as totals from "./totals.ts"

/** What the process did over the last 10 seconds, and in all. Times in ms, memory in bytes, uptime in s. */
export interface PerformanceSnapshot {
  /** Committed to the database, a second. */
  readonly tradesPerSecond: number
  /** From the socket to the commit; 0 while nothing was committed. */
  readonly averageLatency: number
  /** To commit a batch; 0 while nothing was committed. */
  readonly batchProcessingTime: number
  /** Of one insert statement; a batch may take several, and wait between them. */
  readonly queryTime: number
  /** Frames read from the exchange, a second. */
  readonly messagesPerSecond: number
  readonly errorCount: number
  readonly reconnectionCount: number
  readonly memoryUsage: number
  readonly bufferSize: number
  readonly totalTrades: number
  readonly totalBatches: number
  readonly uptime: number
}

const WINDOW_SECONDS = 10

interface Sample {
  readonly at: number
  readonly stored: number
  readonly written: number
  readonly latencySum: number
  readonly batches: number
  readonly batchSum: number
  readonly queries: number
  readonly querySum: number
  readonly messages: number
}

/** Rates and averages of the process, from its metrics. */
export class Performance extends Context.Service<
  Performance,
  { readonly snapshot: Effect.Effect<PerformanceSnapshot> }
>()("fulltape/telemetry/Performance") {
  static readonly layer = Layer.effect(
    Performance,
    Effect.gen(function* () {
      yield* register
      const samples: Array<Sample> = [yield* sample]
      yield* Effect.gen(function* () {
        samples.push(yield* sample)
        if (samples.length > WINDOW_SECONDS + 1) samples.shift()
      }).pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.delay("1 second"), Effect.forkScoped)

      const snapshot = Effect.gen(function* () {
        const now = yield* sample
        const then = samples[0] ?? now
        const seconds = (now.at - then.at) / 1000
        const memoryUsage = process.memoryUsage.rss()
        const uptime = process.uptime()
        yield* Metric.update(Metrics.residentMemory, memoryUsage)
        yield* Metric.update(Metrics.uptime, uptime)
        return {
          tradesPerSecond: ratio(now.stored - then.stored, seconds),
          averageLatency: ratio((now.latencySum - then.latencySum) * 1000, now.written - then.written),
          batchProcessingTime: ratio((now.batchSum - then.batchSum) * 1000, now.batches - then.batches),
          queryTime: ratio((now.querySum - then.querySum) * 1000, now.queries - then.queries),
          messagesPerSecond: ratio(now.messages - then.messages, seconds),
          errorCount: yield* totals.errors,
          reconnectionCount: yield* totals.reconnections,
          memoryUsage,
          bufferSize: yield* totals.buffered,
          totalTrades: now.stored + (yield* Metric.value(Metrics.tradesRepaired)).count,
          totalBatches: now.batches,
          uptime,
        }
      })
      return Performance.of({ snapshot })
    }),
  )
}

const sample: Effect.Effect<Sample> = Effect.gen(function* () {
  const latency = yield* Metric.value(Metrics.wireToCommitSeconds)
  const batch = yield* Metric.value(Metrics.batchSeconds)
  const query = yield* Metric.value(Metrics.insertSeconds)
  return {
    at: performance.now(),
    stored: (yield* Metric.value(Metrics.tradesStored)).count,
    written: latency.count,
    latencySum: latency.sum,
    batches: batch.count,
    batchSum: batch.sum,
    queries: query.count,
    querySum: query.sum,
    messages: yield* totals.messages,
  }
})

/** To two decimals; 0 where there is nothing to divide by. */
const ratio = (sum: number, count: number) => (count <= 0 ? 0 : Math.round((sum / count) * 100) / 100)
