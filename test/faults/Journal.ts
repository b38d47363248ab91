/** What was done in one run, and what went wrong with it. */
export class Journal {
  private readonly startedAt = performance.now()
  private scheduleAt = this.startedAt
  private readonly events: Array<{ readonly at: number; readonly what: string }> = []
  private readonly found: Array<string> = []

  /** The faults of the schedule are told in times from now on. */
  begin(): void {
    this.scheduleAt = performance.now()
  }

  /** Milliseconds of the schedule that are over. */
  get elapsed(): number {
    return performance.now() - this.scheduleAt
  }

  /** Since the run began. */
  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000
  }

  /** Tells what happened, just now or at a moment of the schedule. */
  note(what: string, at = this.elapsed): void {
    this.events.push({ at, what })
  }

  /** A reason why the run failed. */
  problem(sentence: string): void {
    this.found.push(sentence)
  }

  /** What happened, with its moment, in that order. */
  get notes(): ReadonlyArray<string> {
    return this.events
      .toSorted((a, b) => a.at - b.at)
      .map(({ at, what }) => `${(at / 1000).toFixed(2).padStart(6)} s  ${what}`)
  }

  get problems(): ReadonlyArray<string> {
    return this.found
  }
}
