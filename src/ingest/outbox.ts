import { Duration, Effect, Metric, Queue, Result } from "effect"
import type { Trade } from "../market/Trade.ts"
import type { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import type { StoreError } from "../store/StoreError.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { makeRateLimited } from "../telemetry/rateLimited.ts"
import { batchTrace, drainTrace } from "./batchTrace.ts"
import { makeCommit } from "./commit.ts"
import { Spill } from "./Spill.ts"
import type { Uncommitted } from "./Uncommitted.ts"
import { untilItAnswers } from "./untilItAnswers.ts"

/** Batches of which even the last one was complete for so long, and not taken, tell of a database that cannot keep up. */
const TOO_LATE = Duration.seconds(1)

/** A commit that takes longer keeps the stream waiting for too long. */
const TOO_LONG = Duration.seconds(2)

/** Trades that are committed together from the disk: the larger the quicker, and this many take a tenth of a second. */
const MOST_AT_ONCE = 5_000

/** A disk that does not let trades be read back is looked at again after this. */
const DISK_FAILS = Duration.seconds(5)

export interface Outbox {
  /** Commits batches together, or puts each on disk behind the others while the database is away or too slow. */
  readonly put: (batches: ReadonlyArray<ReadonlyArray<Trade>>) => Effect.Effect<void, DatabaseUnusable>
  /** Commits what is on disk, the oldest first, whenever there is something. */
  readonly run: Effect.Effect<never, DatabaseUnusable>
  /** Commits what is on disk, until nothing is. */
  readonly empty: Effect.Effect<void, DatabaseUnusable>
}

export interface OutboxOptions {
  /** Those that are received; what is on disk may be of others. */
  readonly symbols: ReadonlySet<string>
  readonly uncommitted: Uncommitted
  /** How long a batch may take to fill. */
  readonly batchTimeout: Duration.Duration
  /** The symbols of which nobody wants what was missed before their first commit; they leave with it. */
  readonly unwanted: Set<string>
  /** Told of the symbols whose trades neither the database nor the disk took: perhaps no later trade of them shows the hole. */
  readonly onDropped: (symbols: ReadonlySet<string>) => Effect.Effect<void>
}

/**
 * Between the batches and the database: one queue, whose tail is on disk while the database is away. While anything is on disk every
 * batch goes there, so that trades are committed in the order in which they came. A trade leaves the disk after its commit; that it
 * may be committed again is harmless. A batch that the disk does not take is tried with the database all the same, before it is dropped:
 * the ledger needs no order.
 */
export const makeOutbox = Effect.fnUntraced(function* (options: OutboxOptions) {
  const { batchTimeout, uncommitted } = options
  const spill = yield* Spill
  const commit = yield* makeCommit(options)
  const bell = yield* Queue.sliding<void>(1)
  const everyAway = yield* makeRateLimited("10 seconds")
  const everySlow = yield* makeRateLimited("10 seconds")
  const everyDrop = yield* makeRateLimited("10 seconds")
  const everyDiskFailure = yield* makeRateLimited("10 seconds")
  const everyUnreadable = yield* makeRateLimited("10 seconds")
  const patience = Duration.toMillis(Duration.sum(batchTimeout, TOO_LATE))
  let most = MOST_AT_ONCE

  const isLate = (batch: ReadonlyArray<Trade>) => performance.now() - (batch.at(-1)?.receivedAt ?? 0) > patience

  /** Whether the database took the batch, soon enough for the stream. */
  const committed = (batch: ReadonlyArray<Trade>) =>
    commit(batch).pipe(
      Effect.as(true),
      Effect.timeoutOrElse({
        duration: TOO_LONG,
        orElse: () =>
          Metric.update(Metrics.databaseErrors, 1).pipe(Effect.andThen(everySlow(tooSlow)), Effect.as(false)),
      }),
      Effect.catchTag("StoreError", (error) => Effect.as(everyAway(away(error)), false)),
    )

  const dropped = Effect.fnUntraced(function* (batch: ReadonlyArray<Trade>, why: string) {
    yield* Metric.update(Metrics.tradesDropped, batch.length)
    yield* Effect.annotateCurrentSpan("batch.dropped", true)
    yield* everyDrop(Effect.logError(`${why} ${batch.length} trades are dropped, and will be asked for over REST.`))
    yield* options.onDropped(new Set(batch.map(({ symbol }) => symbol)))
  })

  const spilled = Effect.fnUntraced(function* (batch: ReadonlyArray<Trade>, wasTried: boolean) {
    const appended = yield* Effect.result(Effect.withSpan(spill.append(batch), "Spill.append"))
    if (Result.isSuccess(appended)) {
      yield* Effect.annotateCurrentSpan("batch.spilled", true)
      yield* Metric.update(Metrics.tradesSpilled, batch.length)
      yield* tellSize
      yield* Queue.offer(bell, undefined)
    } else if (wasTried || !(yield* committed(batch))) {
      yield* dropped(batch, appended.failure.message)
    }
  })

  const put = (batches: ReadonlyArray<ReadonlyArray<Trade>>) => {
    const [only = []] = batches
    const trades = batches.length === 1 ? only : batches.flat()
    return batchTrace(trades)(taken(batches, trades))
  }

  const taken = Effect.fnUntraced(function* (
    batches: ReadonlyArray<ReadonlyArray<Trade>>,
    trades: ReadonlyArray<Trade>,
  ) {
    const isFirst = (yield* spill.state).trades === 0
    const late = isLate(trades)
    if (isFirst && late) yield* everySlow(tooSlow)
    const tried = isFirst && !late
    // Apart, because what was too much at once may be taken in parts, from the disk or without it.
    if (!tried || !(yield* committed(trades)))
      yield* Effect.forEach(batches, (batch) => spilled(batch, tried && batches.length === 1), { discard: true })
    uncommitted.remove(trades.length)
  })

  /** Commits the oldest ones on disk; false when there are none. */
  const commitOldest = Effect.gen(function* () {
    const oldest = yield* spill.peek(most)
    if (oldest === undefined) return false
    yield* commit(oldest.trades).pipe(
      Effect.tapErrorTag("StoreError", (error) => {
        // Perhaps they were too many for DB_TIMEOUT.
        most = Math.max(1, oldest.trades.length >> 1)
        return everyAway(away(error))
      }),
      Effect.andThen(Effect.withSpan(spill.remove(oldest), "Spill.remove")),
      drainTrace(oldest.trades),
    )
    most = Math.min(MOST_AT_ONCE, most * 2)
    yield* tellSize
    return true
  }).pipe(
    Effect.catchTag("EntryUnreadable", (entry) =>
      everyUnreadable(Effect.logError(entry.message)).pipe(Effect.andThen(spill.remove(entry)), Effect.as(true)),
    ),
    Effect.catchTag("SpillUnusable", ({ message }) =>
      everyDiskFailure(Effect.logError(message)).pipe(Effect.andThen(Effect.sleep(DISK_FAILS)), Effect.as(true)),
    ),
  )

  const empty = Effect.gen(function* () {
    let any = false
    while (yield* untilItAnswers(commitOldest)) any = true
    if (any) yield* Effect.logInfo("The database takes trades again: what waited on disk is committed")
  })

  const tellSize = Effect.gen(function* () {
    const { bytes, trades } = yield* spill.state
    yield* Metric.update(Metrics.spillBytes, bytes)
    yield* Metric.update(Metrics.spillTrades, trades)
  })

  const run = tellSize.pipe(Effect.andThen(Effect.forever(Effect.andThen(empty, Queue.take(bell)))))
  return { put, empty, run } satisfies Outbox as Outbox
})

const away = ({ detail }: StoreError) =>
  Effect.logWarning(`The database does not take trades (${detail}). They wait on disk until it does.`)

const tooSlow = Effect.logWarning(
  "The database takes trades more slowly than they come. They wait on disk until it keeps up.",
)
