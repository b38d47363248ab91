import { Effect, Metric } from "effect"

/** Of the latency of a trade, in seconds: to a second as they should be, and beyond as they are after an outage. */
export const latencyBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]

/**
 * The buckets of a histogram that every trade goes through. It is written to without a look-up, and it counts in doubles: those of
 * the library's own histograms have 32 bits, which a month at 2,000 trades a second is too much for.
 */
export class Latencies {
  /** The last one is of what is beyond all boundaries. */
  private readonly counts = new Float64Array(latencyBoundaries.length + 1)
  private sum = 0
  private min = Number.MAX_VALUE
  private max = -Number.MAX_VALUE

  /** A negative time, of clocks that disagree, counts as 0. */
  readonly record = (seconds: number): void => {
    const value = seconds > 0 ? seconds : 0
    let place = 0
    while (place < latencyBoundaries.length && value > (latencyBoundaries[place] ?? 0)) place += 1
    this.counts[place] = (this.counts[place] ?? 0) + 1
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  get state(): Metric.HistogramState {
    let count = 0
    const buckets = latencyBoundaries.map((boundary, place): [number, number] => {
      count += this.counts[place] ?? 0
      return [boundary, count]
    })
    count += this.counts[latencyBoundaries.length] ?? 0
    return { buckets, count, min: this.min, max: this.max, sum: this.sum }
  }
}

/** Latencies that are shown as the histogram, in place of what it had. */
export const latenciesOf = (histogram: Metric.Histogram<number>) =>
  Effect.map(Effect.context<never>(), (context) => {
    const latencies = new Latencies()
    const ignore = () => {}
    Metric.registerUnsafe(histogram, context, { get: () => latencies.state, update: ignore, modify: ignore })
    return latencies
  })
