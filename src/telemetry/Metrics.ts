import { Metric } from "effect"
import { latencyBoundaries } from "./Latencies.ts"

/**
 * Every metric, once, but for those of `Gauges.ts`. Names and units follow Prometheus' conventions; docs/metrics.md says what question
 * each one answers.
 */

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })
const histogram = (name: string, description: string, boundaries: ReadonlyArray<number>) =>
  Metric.histogram(name, { description, boundaries })

const framesTotal = counter("fulltape_frames_total", "Frames received from the exchange, by kind")

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
export const tradesReceived = counter("fulltape_trades_received_total", "Trades received from the exchange")

/** Trades from the stream that a commit added to the database. */
export const tradesStored = counter("fulltape_trades_stored_total", "Trades from the stream committed to the database")

/** Trades that were asked for, to fill a gap or to catch up, and that a commit added to the database. */
export const tradesRepaired = counter(
  "fulltape_trades_repaired_total",
  "Trades fetched over REST and committed to the database",
)

/** Trades that the database had already. */
export const tradesDuplicate = counter("fulltape_trades_duplicate_total", "Trades that were in the database already")

/** Trades that the database or the table's precision refused. */
export const tradesQuarantined = counter(
  "fulltape_trades_quarantined_total",
  "Trades set aside because the database refuses them",
)

/** Trades whose id jumped so far that it was taken for bogus. */
export const tradesBogus = counter(
  "fulltape_trades_bogus_total",
  "Trades left out because their id jumped too far and nothing followed it",
)

/** Trades that came with ids of the past: not stored, since they would collide with those in the database. */
export const tradesRegressed = counter(
  "fulltape_trades_regressed_total",
  "Trades left out because the exchange numbers its trades anew",
)

/** Trades that went to disk because the database did not take them. */
export const tradesSpilled = counter(
  "fulltape_trades_spilled_total",
  "Trades put on disk because the database did not take them",
)

/** Trades that neither the database nor the disk took; repair asks for them again. */
export const tradesDropped = counter(
  "fulltape_trades_dropped_total",
  "Trades dropped because neither the database nor the disk took them",
)

/** Symbols whose stream stalled while its connection lived. */
export const stalledSymbols = counter(
  "fulltape_stalled_symbols_total",
  "Times the stream of a symbol stalled and its connection was replaced",
)

/** Batches committed. */
export const batches = counter("fulltape_batches_total", "Batches committed to the database")

/** From the first attempt to write a batch to its commit, retries included. */
export const batchSeconds = histogram(
  "fulltape_batch_seconds",
  "Time to commit one batch",
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)

/** One insert statement, from the call to its answer. */
export const insertSeconds = histogram(
  "fulltape_insert_seconds",
  "Time of one insert statement",
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
)

/** One refresh of the candles, from its call to its commit. */
export const candleRefreshSeconds = histogram(
  "fulltape_candle_refresh_seconds",
  "Time of one refresh of the candles",
  [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
)

/** From the socket to the commit, waiting for the batch included. */
export const wireToCommitSeconds = histogram(
  "fulltape_wire_to_commit_seconds",
  "Time from a trade's arrival to its commit",
  latencyBoundaries,
)

const failedDialsTotal = counter(
  "fulltape_failed_dials_total",
  "Attempts to connect to the exchange that failed, by cause",
)

/** Attempts to connect to the exchange that failed, by why. */
export const failedDials = {
  Unreachable: Metric.withAttributes(failedDialsTotal, { cause: "unreachable" }),
  Refused: Metric.withAttributes(failedDialsTotal, { cause: "refused" }),
} as const

const reconnectsTotal = counter(
  "fulltape_reconnects_total",
  "Connections to the exchange that were lost and dialled again, by cause",
)

/** Connections to the exchange that were lost and dialled again, by why. */
export const reconnects = {
  Broken: Metric.withAttributes(reconnectsTotal, { cause: "broken" }),
  Closed: Metric.withAttributes(reconnectsTotal, { cause: "closed" }),
  Silent: Metric.withAttributes(reconnectsTotal, { cause: "silent" }),
} as const

const rotationsTotal = counter(
  "fulltape_rotations_total",
  "Connections to the exchange that another one replaced while they lived, by cause",
)

/** Connections to the exchange that another one replaced while they lived, by why. */
export const rotations = {
  age: Metric.withAttributes(rotationsTotal, { cause: "age" }),
  shutdown: Metric.withAttributes(rotationsTotal, { cause: "shutdown" }),
  stalled: Metric.withAttributes(rotationsTotal, { cause: "stalled" }),
} as const

/** Connections that were to replace another and were refused or lost before they did. */
export const rotationFailures = counter(
  "fulltape_rotation_failures_total",
  "Attempts to replace a living connection to the exchange that failed",
)

/** Failed attempts to write to the database. */
export const databaseErrors = counter("fulltape_database_errors_total", "Failed attempts to write to the database")

/** All that waits, in whatever place. */
export const bufferedTrades = gauge(
  "fulltape_buffered_trades",
  "Trades received and not yet committed, frames that were not yet read counted as one each",
)

/** Frames that came over the sockets and were not yet read. */
export const waitingFrames = gauge(
  "fulltape_waiting_frames",
  "Frames that came from the exchange and were not yet read",
)

/** Runs of ids that are missing and may still be had, as last asked for. */
export const openGaps = gauge("fulltape_open_gaps", "Runs of trade ids that are missing and still to be fetched")

/** The ids in them. */
export const missingIds = gauge("fulltape_missing_ids", "Trade ids that are missing and still to be fetched")

/** Trades in memory that were received and are not committed yet. */
export const uncommittedTrades = gauge(
  "fulltape_uncommitted_trades",
  "Trades in memory that were received and are not committed",
)

/** How long the oldest trade that is not committed has been waiting, in memory or on disk; 0: none waits. */
export const oldestUncommittedSeconds = gauge(
  "fulltape_oldest_uncommitted_seconds",
  "Age of the oldest trade that was received and is not committed",
)

/** Trades on disk that wait for the database. */
export const spillTrades = gauge("fulltape_spill_trades", "Trades on disk that wait for the database")

/** What they take. */
export const spillBytes = gauge("fulltape_spill_bytes", "Bytes on disk of the trades that wait for the database")

const frontierLagIdsGauge = gauge(
  "fulltape_frontier_lag_ids",
  "Trade ids from the frontier, up to which nothing is missing, to the highest committed one",
)

/** Of one symbol, as last asked for. */
export const frontierLagIds = (symbol: string) => Metric.withAttributes(frontierLagIdsGauge, { symbol })

const frontierLagSecondsGauge = gauge(
  "fulltape_frontier_lag_seconds",
  "Time since the trade at the frontier, up to which nothing is missing",
)

/** Of one symbol, as last asked for. */
export const frontierLagSeconds = (symbol: string) => Metric.withAttributes(frontierLagSecondsGauge, { symbol })

/** The resident set of this process. */
export const residentMemory = gauge("fulltape_resident_memory_bytes", "Resident memory of the process")

/** Since the process started. */
export const uptime = gauge("fulltape_uptime_seconds", "Time since the process started")

/** Trades of one commit: how well batches fill. */
export const batchTrades = histogram(
  "fulltape_batch_trades",
  "Trades of one batch that was committed",
  [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000],
)

/** From the exchange's own time of a trade to its commit, by the wall clock of this machine; 0 where that one is behind. */
export const exchangeToCommitSeconds = histogram(
  "fulltape_exchange_to_commit_seconds",
  "Time from a trade's match at the exchange to its commit",
  latencyBoundaries,
)

const restRequestsTotal = counter("fulltape_rest_requests_total", "Requests to the exchange's REST host, by outcome")

/** Requests to the exchange's REST host, by what came of them. */
export const restRequests = {
  ok: Metric.withAttributes(restRequestsTotal, { outcome: "ok" }),
  Unreachable: Metric.withAttributes(restRequestsTotal, { outcome: "unreachable" }),
  Unavailable: Metric.withAttributes(restRequestsTotal, { outcome: "unavailable" }),
  Limited: Metric.withAttributes(restRequestsTotal, { outcome: "limited" }),
  Restricted: Metric.withAttributes(restRequestsTotal, { outcome: "restricted" }),
  UnknownSymbol: Metric.withAttributes(restRequestsTotal, { outcome: "unknown_symbol" }),
  NoSuchEndpoint: Metric.withAttributes(restRequestsTotal, { outcome: "no_such_endpoint" }),
  Malformed: Metric.withAttributes(restRequestsTotal, { outcome: "malformed" }),
  Refused: Metric.withAttributes(restRequestsTotal, { outcome: "refused" }),
} as const
