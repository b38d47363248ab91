import { Duration, Effect, Schedule } from "effect"
import { measurement } from "./Logs.ts"
import { makeRateLimited } from "./rateLimited.ts"
import { Performance, type PerformanceSnapshot } from "./Performance.ts"

const EVERY = Duration.seconds(10)

/** More memory than this is not what the service needs, whatever the rate. */
const MEMORY_LIMIT = 512 * 1024 * 1024

/** Logs every 10 seconds what the process did. Never ends. */
export const summarise = Effect.gen(function* () {
  const hourly = yield* makeRateLimited("1 hour")
  return yield* report(hourly).pipe(Effect.delay(EVERY), Effect.repeat(Schedule.forever))
})

const report = Effect.fnUntraced(function* (hourly: Effect.Success<ReturnType<typeof makeRateLimited>>) {
  const now = yield* (yield* Performance).snapshot
  yield* Effect.logInfo(readable(now)).pipe(Effect.annotateLogs({ ...now }), measurement)
  if (now.memoryUsage > MEMORY_LIMIT) {
    yield* hourly(
      Effect.logWarning(
        `The process uses ${megabytes(now.memoryUsage)} MB of memory, more than the 512 MB it should ever need.`,
      ),
    )
  }
})

const readable = (now: PerformanceSnapshot): string =>
  `${now.totalTrades.toLocaleString("en")} trades stored, ${now.tradesPerSecond.toLocaleString("en")} a second`

const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024)
