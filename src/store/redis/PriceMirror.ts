import { Duration, Effect, Layer, Metric, Option, Queue, Random } from "effect"
import * as Metrics from "../../telemetry/RedisMetrics.ts"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"
import { type LatestPrice, LatestPrices } from "../LatestPrices.ts"
import { Redis, type RedisConnection } from "./Redis.ts"
import { RedisUnavailable } from "./RedisUnavailable.ts"

/** Of each symbol one price is written in this time at most, the newest. */
const PACE = Duration.millis(100)

/** A connection over which nothing was written for so long is asked whether it lives. */
const QUIET = Duration.seconds(5)

/** So often everything is written again, since Redis may have been emptied. What it has is not published again. */
const REFRESH = Duration.minutes(1)

/** What is left when the service stops gets so long. */
const LAST_WRITE = Duration.seconds(1)

/** After so many failures in a row it is tried again after 250 ms, doubled each time, at most 5 s. */
const waitAfter = (failures: number) => Math.min(5_000, 250 * 2 ** Math.min(failures - 1, 10))

/**
 * Writes the latest prices to Redis as they change, and publishes them, for as long as its scope is open. It reads what commits have left
 * behind, so Redis can make nobody wait: while it is away or slow, the newest price of each symbol waits, and nothing else.
 */
export const layer: Layer.Layer<never, never, LatestPrices | Redis> = Layer.effectDiscard(
  Effect.gen(function* () {
    const prices = yield* LatestPrices
    const redis = yield* Redis
    const warn = yield* makeRateLimited("1 minute")
    const warnForeign = yield* makeRateLimited("1 minute")
    const tell = yield* makeRateLimited("10 seconds")
    const bell = yield* Queue.sliding<void>(1)
    /** What Redis has not got, by symbol. */
    const waiting = new Map<string, LatestPrice>()
    let revision = 0
    let failures = 0

    yield* Metric.update(Metrics.redisUp, 0)
    for (const counter of [Metrics.redisErrors, Metrics.redisDropped]) yield* Metric.update(counter, 0)

    const collect = Effect.gen(function* () {
      const changes = yield* prices.changes(revision)
      revision = changes.revision
      let dropped = 0
      for (const price of changes.prices) {
        if (waiting.has(price.symbol)) dropped += 1
        waiting.set(price.symbol, price)
      }
      if (dropped > 0) yield* Metric.update(Metrics.redisDropped, dropped)
      if (waiting.size > 0) yield* Queue.offer(bell, undefined)
    })

    const collectAll = Effect.andThen(
      collect,
      Effect.map(prices.all, (all) => all.forEach((price) => waiting.set(price.symbol, price))),
    )

    const write = ({ write }: RedisConnection) =>
      Effect.suspend(() => {
        const batch = [...waiting.values()]
        if (batch.length === 0) return Effect.void
        waiting.clear()
        const putBack = Effect.suspend(() => {
          const outdated = batch.filter(({ symbol }) => waiting.has(symbol))
          for (const price of batch) if (!waiting.has(price.symbol)) waiting.set(price.symbol, price)
          return Metric.update(Metrics.redisDropped, outdated.length)
        })
        return write(batch).pipe(
          Effect.onError(() => putBack),
          Effect.flatMap((foreign) => (foreign === 0 ? Effect.void : tellForeign(foreign))),
        )
      })

    const tellForeign = Effect.fnUntraced(function* (keys: number) {
      yield* Metric.update(Metrics.redisErrors, 1)
      yield* warnForeign(
        Effect.logWarning(
          `Redis at ${redis.address} has other things under ${keys} of the keys of latest prices (fulltape:*:latest:*), and they are left alone: delete those keys, or name another database in REDIS_URL.`,
        ),
      )
    })

    const writeWhatIsLeft = (connection: RedisConnection) =>
      Effect.andThen(collect, write(connection)).pipe(Effect.timeoutOption(LAST_WRITE), Effect.ignore)

    const session = Effect.gen(function* () {
      const connection = yield* redis.connect
      yield* collectAll
      yield* write(connection)
      failures = 0
      yield* Metric.update(Metrics.redisUp, 1)
      yield* tell(Effect.logInfo(`Redis at ${redis.address} gets the latest prices`))
      const next = Effect.flatMap(Effect.timeoutOption(Queue.take(bell), QUIET), (rung) =>
        Option.isSome(rung) ? write(connection) : connection.ping,
      )
      yield* Effect.raceAllFirst([
        Effect.forever(next),
        connection.lost,
        Effect.forever(Effect.delay(collectAll, REFRESH)),
      ]).pipe(Effect.onInterrupt(() => writeWhatIsLeft(connection)))
    }).pipe(
      Effect.scoped,
      Effect.ensuring(Metric.update(Metrics.redisUp, 0)),
      Effect.catchTag("RedisUnavailable", (error) => failed(error)),
      // Nobody waits for this fiber, so that nobody would see it die.
      Effect.catchDefect((defect) =>
        failed(new RedisUnavailable({ address: redis.address, detail: `an unexpected failure, ${String(defect)}` })),
      ),
    )

    const failed = Effect.fnUntraced(function* (error: RedisUnavailable) {
      failures += 1
      yield* Metric.update(Metrics.redisErrors, 1)
      yield* warn(
        Effect.logWarning(
          `${error.message} Trades are stored all the same; it gets the latest prices when it is back.`,
        ),
      )
      yield* Effect.sleep(waitAfter(failures) * (yield* Random.nextBetween(0.8, 1)))
    })

    yield* Effect.forkScoped(
      Effect.all([Effect.forever(Effect.delay(collect, PACE)), Effect.forever(session)], {
        concurrency: "unbounded",
        discard: true,
      }),
    )
  }),
)
