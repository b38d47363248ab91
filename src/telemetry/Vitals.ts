import { Duration, Effect, Layer, Metric, Schedule } from "effect"
import { statfs } from "node:fs/promises"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Gauges from "./Gauges.ts"
import { observe } from "./observe.ts"

/** How long the event loop is watched before its longest delay is shown, and how often the disk is asked. */
const WINDOW = Duration.seconds(10)

/** ms between two of the timers by which the event loop is watched; what comes on top is delay. */
const RESOLUTION = 20

export interface VitalsOptions {
  /** Trades wait there while the database is away. */
  readonly dataDir: string
}

/** Keeps the gauges of what the process needs to live: event loop, heap, and the disk under DATA_DIR. */
export const layer = ({ dataDir }: VitalsOptions) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      yield* observe(Gauges.heapUsed, () => process.memoryUsage().heapUsed)
      yield* watchEventLoop
      yield* Effect.forkScoped(Effect.repeat(lookAtDisk(dataDir), Schedule.spaced(WINDOW)))
    }),
  )

const watchEventLoop = Effect.gen(function* () {
  const delays = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const monitor = monitorEventLoopDelay({ resolution: RESOLUTION })
      monitor.enable()
      return monitor
    }),
    (monitor) => Effect.sync(() => monitor.disable()),
  )
  let shown = 0
  yield* observe(Gauges.eventLoopDelay, () => shown)
  const show = Effect.sync(() => {
    // In ns, and at least the time between two timers. The longest: one that lasts for seconds is one of few, and no percentile has it.
    shown = Math.max(0, delays.max / 1e9 - RESOLUTION / 1e3)
    delays.reset()
  })
  yield* Effect.forkScoped(Effect.repeat(show, Schedule.spaced(WINDOW)))
})

const lookAtDisk = (folder: string) =>
  Effect.tryPromise(() => statfs(folder)).pipe(
    Effect.map(({ bavail, bsize }) => bavail * bsize),
    Effect.orElseSucceed(() => Number.NaN),
    Effect.flatMap((bytes) => Metric.update(Gauges.dataDiskFree, bytes)),
  )
