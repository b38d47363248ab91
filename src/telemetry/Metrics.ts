import { Effect, Metric } from "effect"

/** Every metric, once. Names and units follow Prometheus' conventions. */

const framesTotal = Metric.counter("fulltape_frames_total", {
  description: "Frames received from the exchange, by kind",
  incremental: true,
})

/** Frames read from the exchange, by what they meant. */
export const frames = {
  trade: Metric.withAttributes(framesTotal, { kind: "trade" }),
  acknowledged: Metric.withAttributes(framesTotal, { kind: "acknowledged" }),
  refused: Metric.withAttributes(framesTotal, { kind: "refused" }),
  shutdown: Metric.withAttributes(framesTotal, { kind: "shutdown" }),
  foreign: Metric.withAttributes(framesTotal, { kind: "foreign" }),
  malformed: Metric.withAttributes(framesTotal, { kind: "malformed" }),
} as const

/** Trades read from the exchange, duplicates included. */
export const tradesReceived = Metric.counter("fulltape_trades_received_total", {
  description: "Trades received from the exchange",
  incremental: true,
})

/** Trades from the stream that a commit added to the database. */
export const tradesStored = Metric.counter("fulltape_trades_stored_total", {
  description: "Trades from the stream committed to the database",
  incremental: true,
})

/** Trades that were asked for, to fill a gap or to catch up, and that a commit added to the database. */
export const tradesRepaired = Metric.counter("fulltape_trades_repaired_total", {
  description: "Trades fetched over REST and committed to the database",
  incremental: true,
})

/** Trades that the database had already. */
export const tradesDuplicate = Metric.counter("fulltape_trades_duplicate_total", {
  description: "Trades that were in the database already",
  incremental: true,
})

/** Trades that the database or the table's precision refused. */
export const tradesQuarantined = Metric.counter("fulltape_trades_quarantined_total", {
  description: "Trades set aside because the database refuses them",
  incremental: true,
})

/** Trades whose id jumped so far that it was taken for bogus. */
export const tradesBogus = Metric.counter("fulltape_trades_bogus_total", {
  description: "Trades left out because their id jumped too far and nothing followed it",
  incremental: true,
})

/** Trades that came with ids of the past: not stored, since they would collide with those in the database. */
export const tradesRegressed = Metric.counter("fulltape_trades_regressed_total", {
  description: "Trades left out because the exchange numbers its trades anew",
  incremental: true,
})

/** Trades that went to disk because the database did not take them. */
export const tradesSpilled = Metric.counter("fulltape_trades_spilled_total", {
  description: "Trades put on disk because the database did not take them",
  incremental: true,
})

/** Trades that neither the database nor the disk took; repair asks for them again. */
export const tradesDropped = Metric.counter("fulltape_trades_dropped_total", {
  description: "Trades dropped because neither the database nor the disk took them",
  incremental: true,
})

/** Symbols whose stream stalled while its connection lived. */
export const stalledSymbols = Metric.counter("fulltape_stalled_symbols_total", {
  description: "Times the stream of a symbol stalled and its connection was replaced",
  incremental: true,
})

/** Batches committed. */
export const batches = Metric.counter("fulltape_batches_total", {
  description: "Batches committed to the database",
  incremental: true,
})

/** From the first attempt to write a batch to its commit, retries included. */
export const batchSeconds = Metric.histogram("fulltape_batch_seconds", {
  description: "Time to commit one batch",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
})

/** One insert statement, from the call to its answer. */
export const insertSeconds = Metric.histogram("fulltape_insert_seconds", {
  description: "Time of one insert statement",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
})

/** One refresh of the candles, from its call to its commit. */
export const candleRefreshSeconds = Metric.histogram("fulltape_candle_refresh_seconds", {
  description: "Time of one refresh of the candles",
  boundaries: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
})

/** From the socket to the commit, waiting for the batch included. */
export const wireToCommitSeconds = Metric.histogram("fulltape_wire_to_commit_seconds", {
  description: "Time from a trade's arrival to its commit",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
})

const failedDialsTotal = Metric.counter("fulltape_failed_dials_total", {
  description: "Attempts to connect to the exchange that failed, by cause",
  incremental: true,
})

/** Attempts to connect to the exchange that failed, by why. */
export const failedDials = {
  Unreachable: Metric.withAttributes(failedDialsTotal, { cause: "unreachable" }),
  Refused: Metric.withAttributes(failedDialsTotal, { cause: "refused" }),
} as const

const reconnectsTotal = Metric.counter("fulltape_reconnects_total", {
  description: "Connections to the exchange that were lost and dialled again, by cause",
  incremental: true,
})

/** Connections to the exchange that were lost and dialled again, by why. */
export const reconnects = {
  Broken: Metric.withAttributes(reconnectsTotal, { cause: "broken" }),
  Closed: Metric.withAttributes(reconnectsTotal, { cause: "closed" }),
  Silent: Metric.withAttributes(reconnectsTotal, { cause: "silent" }),
} as const

const rotationsTotal = Metric.counter("fulltape_rotations_total", {
  description: "Connections to the exchange that another one replaced while they lived, by cause",
  incremental: true,
})

/** Connections to the exchange that another one replaced while they lived, by why. */
export const rotations = {
  age: Metric.withAttributes(rotationsTotal, { cause: "age" }),
  shutdown: Metric.withAttributes(rotationsTotal, { cause: "shutdown" }),
  stalled: Metric.withAttributes(rotationsTotal, { cause: "stalled" }),
} as const

/** Connections that were to replace another and were refused or lost before they did. */
export const rotationFailures = Metric.counter("fulltape_rotation_failures_total", {
  description: "Attempts to replace a living connection to the exchange that failed",
  incremental: true,
})

/** Failed attempts to write to the database. */
export const databaseErrors = Metric.counter("fulltape_database_errors_total", {
  description: "Failed attempts to write to the database",
  incremental: true,
})

/** All that waits, in whatever place. */
export const bufferedTrades = Metric.gauge("fulltape_buffered_trades", {
  description: "Trades received and not yet committed, frames that were not yet read counted as one each",
})

/** Frames that came over the sockets and were not yet read. */
export const waitingFrames = Metric.gauge("fulltape_waiting_frames", {
  description: "Frames that came from the exchange and were not yet read",
})

/** Runs of ids that are missing and may still be had, as last asked for. */
export const openGaps = Metric.gauge("fulltape_open_gaps", {
  description: "Runs of trade ids that are missing and still to be fetched",
})

/** The ids in them. */
export const missingIds = Metric.gauge("fulltape_missing_ids", {
  description: "Trade ids that are missing and still to be fetched",
})

/** Trades in memory that were received and are not committed yet. */
export const uncommittedTrades = Metric.gauge("fulltape_uncommitted_trades", {
  description: "Trades in memory that were received and are not committed",
})

/** How long the oldest trade that is not committed has been waiting, in memory or on disk; 0: none waits. */
export const oldestUncommittedSeconds = Metric.gauge("fulltape_oldest_uncommitted_seconds", {
  description: "Age of the oldest trade that was received and is not committed",
})

/** Trades on disk that wait for the database. */
export const spillTrades = Metric.gauge("fulltape_spill_trades", {
  description: "Trades on disk that wait for the database",
})

/** What they take. */
export const spillBytes = Metric.gauge("fulltape_spill_bytes", {
  description: "Bytes on disk of the trades that wait for the database",
})

const frontierLagIdsGauge = Metric.gauge("fulltape_frontier_lag_ids", {
  description: "Trade ids from the frontier, up to which nothing is missing, to the highest committed one",
})

/** Of one symbol, as last asked for. */
export const frontierLagIds = (symbol: string) => Metric.withAttributes(frontierLagIdsGauge, { symbol })

const frontierLagSecondsGauge = Metric.gauge("fulltape_frontier_lag_seconds", {
  description: "Time since the trade at the frontier, up to which nothing is missing",
})

/** Of one symbol, as last asked for. */
export const frontierLagSeconds = (symbol: string) => Metric.withAttributes(frontierLagSecondsGauge, { symbol })

/** The resident set of this process. */
export const residentMemory = Metric.gauge("fulltape_resident_memory_bytes", {
  description: "Resident memory of the process",
})

/** Since the process started. */
export const uptime = Metric.gauge("fulltape_uptime_seconds", {
  description: "Time since the process started",
})

/** Makes every metric known at its zero: one that appears only when it first moves hides that first move. */
export const register = Effect.forEach(
  [
    ...Object.values(frames),
    ...Object.values(failedDials),
    ...Object.values(reconnects),
    ...Object.values(rotations),
    rotationFailures,
    tradesReceived,
    tradesStored,
    tradesRepaired,
    tradesDuplicate,
    tradesQuarantined,
    tradesBogus,
    tradesRegressed,
    tradesSpilled,
    tradesDropped,
    stalledSymbols,
    batches,
    databaseErrors,
  ],
  (counter) => Metric.value(counter),
  { discard: true },
)
