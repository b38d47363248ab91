/** Distinct delays: a bucket is 10 µs wide, the last one holds everything from 10 s on. */
const BUCKETS = 1_000_000
const MICROS = 10

/** How long after their publication trades reached a callback; counts, so that a run of any length takes the same room. */
export class Arrivals {
  private readonly counts = new Uint32Array(BUCKETS)
  private total = 0
  private startedAt = 0

  /** @param publishedAt µs since the epoch. */
  readonly record = (publishedAt: number): void => {
    const now = (performance.timeOrigin + performance.now()) * 1000
    if (this.startedAt === 0) this.startedAt = now
    // The first second belongs to the start.
    if (now - this.startedAt < 1_000_000) return
    const bucket = Math.max(0, Math.min(BUCKETS - 1, Math.floor((now - publishedAt) / MICROS)))
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.total++
  }

  /** Prints one line of JSON: milliseconds. */
  readonly tell = (): void => {
    const { total } = this
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => this.quantile(share))
    process.stdout.write(`${JSON.stringify({ arrivals: { trades: total, p50, p99, p999 } })}\n`)
  }

  private readonly quantile = (share: number): number => {
    let left = Math.ceil(this.total * share)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.counts[bucket] ?? 0
      if (left <= 0) return (bucket * MICROS) / 1000
    }
    return Number.NaN
  }
}
