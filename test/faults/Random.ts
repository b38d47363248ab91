/** Numbers that follow from a seed alone. */
export class Random {
  private state: number

  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  }

  /** From 0 to below 1: mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<A>(choices: readonly [A, ...ReadonlyArray<A>]): A {
    return choices[this.between(0, choices.length - 1)] ?? choices[0]
  }

  /** So many of them, or all, in any order. */
  sample<A>(choices: ReadonlyArray<A>, count: number): ReadonlyArray<A> {
    return choices
      .map((choice) => ({ choice, rank: this.next() }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ choice }) => choice)
  }
}
