import { Metric } from "effect"

/** The metrics of Redis, which there are only where REDIS_URL is set. */

/** Whether Redis gets the latest prices; known only where REDIS_URL is set. */
export const redisUp = Metric.gauge("fulltape_redis_up", {
  description: "1 while Redis takes the latest prices, 0 while it does not",
})

/** Times that Redis did not take the latest prices, failed attempts to connect included. */
export const redisErrors = Metric.counter("fulltape_redis_errors_total", {
  description: "Failed attempts to connect to Redis or to write to it",
  incremental: true,
})

/** Prices that Redis never got, because a newer one of the symbol came while it was away or slow. */
export const redisDropped = Metric.counter("fulltape_redis_dropped_total", {
  description: "Latest prices that were replaced by newer ones before Redis took them",
  incremental: true,
})
