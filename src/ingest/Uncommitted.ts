/** Arrivals closer together than this, in ms, count as one: ages are read in seconds. */
const RESOLUTION = 50

interface Arrival {
  count: number
  readonly receivedAt: number
}

/** The trades that are in memory and not committed yet, oldest first. They leave in the order in which they came. */
export class Uncommitted {
  private arrivals: Array<Arrival> = []
  private head = 0
  private readonly count: (change: number) => void

  /** @param count is told how the number of trades changes. */
  constructor(count: (change: number) => void) {
    this.count = count
  }

  /** @param receivedAt of the oldest of them, in ms of the monotonic clock. */
  readonly add = (count: number, receivedAt: number): void => {
    if (count === 0) return
    this.count(count)
    const newest = this.arrivals.at(-1)
    if (newest !== undefined && this.head < this.arrivals.length && receivedAt - newest.receivedAt < RESOLUTION) {
      newest.count += count
      return
    }
    this.arrivals.push({ count, receivedAt })
  }

  /** The oldest so many are committed, or in safety elsewhere. */
  readonly remove = (count: number): void => {
    this.count(-count)
    let left = count
    for (let oldest = this.arrivals[this.head]; oldest !== undefined && left > 0; oldest = this.arrivals[this.head]) {
      const taken = Math.min(left, oldest.count)
      oldest.count -= taken
      left -= taken
      if (oldest.count === 0) this.head += 1
    }
    if (this.head > 1_000 && this.head * 2 > this.arrivals.length) {
      this.arrivals = this.arrivals.slice(this.head)
      this.head = 0
    }
  }

  /** When the oldest of them came, in ms of the monotonic clock; undefined while there is none. */
  get oldest(): number | undefined {
    return this.arrivals[this.head]?.receivedAt
  }
}
