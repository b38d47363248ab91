import { Metric } from "effect"

/** Metrics that tell how things are when somebody looks. As in `Metrics.ts`, each name once. */

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

/** Request weight spent in this minute of the exchange, as far as this process knows. */
export const restWeightUsed = gauge("fulltape_rest_weight_used", "Request weight spent in the current minute")

/** What the exchange allows an address in a minute; the service stops at 95% of it. */
export const restWeightLimit = gauge(
  "fulltape_rest_weight_limit",
  "Request weight that the exchange allows in a minute",
)

const connectionsGauge = gauge("fulltape_connections", "Connections to the exchange, by state")

/** Connections to the exchange, by what they are doing. */
export const connections = {
  connected: Metric.withAttributes(connectionsGauge, { state: "connected" }),
  connecting: Metric.withAttributes(connectionsGauge, { state: "connecting" }),
  waiting: Metric.withAttributes(connectionsGauge, { state: "waiting" }),
} as const

/** Trades that a connection brought too early while it replaces another; at most 65,536 a connection. */
export const heldTrades = gauge("fulltape_held_trades", "Trades held back while one connection replaces another")

/** Ids that are missing for good, as last asked for. */
export const unfillableIds = gauge("fulltape_unfillable_ids", "Trade ids that are missing and cannot be had any more")

/** Gaps that somebody is filling, as last asked for. */
export const fillingGaps = gauge("fulltape_filling_gaps", "Runs of missing trade ids that are being fetched")

/** What SPILL_MAX_MB allows. */
export const spillLimitBytes = gauge("fulltape_spill_limit_bytes", "Bytes that may wait on disk for the database")

const symbolLastIdGauge = gauge("fulltape_symbol_last_id", "Id of the newest committed trade, by symbol")

/** Of one symbol; there once a trade of it is known. */
export const symbolLastId = (symbol: string) => Metric.withAttributes(symbolLastIdGauge, { symbol })

const symbolLastTradeGauge = gauge(
  "fulltape_symbol_last_trade_timestamp_seconds",
  "When the newest committed trade was matched, by symbol",
)

/** Of one symbol, in seconds since the epoch; there once a trade of it is known. */
export const symbolLastTrade = (symbol: string) => Metric.withAttributes(symbolLastTradeGauge, { symbol })

/** 1 while the database answers. */
export const databaseUp = gauge("fulltape_database_up", "Whether the database answers: 1, or 0")

/** How much later than it should the event loop came to its timers, the worst time of 10 s. */
export const eventLoopDelay = gauge(
  "fulltape_event_loop_delay_seconds",
  "Longest delay of the event loop in the last 10 seconds",
)

/** JavaScript objects, the dead ones that were not collected yet included. */
export const heapUsed = gauge("fulltape_heap_used_bytes", "Heap in use by JavaScript")

/** What an unprivileged user may still write; NaN while that cannot be told. */
export const dataDiskFree = gauge("fulltape_data_disk_free_bytes", "Free bytes on the file system of DATA_DIR")

/** Always 1. */
export const buildInfo = (version: string) =>
  Metric.withAttributes(gauge("fulltape_build_info", "The version that runs, as a label of a constant 1"), { version })
