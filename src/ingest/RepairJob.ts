import type { Tracer } from "effect"
import { PAGE } from "../feed/TradeHistory.ts"
import type { LeasedGap } from "../store/LeasedGap.ts"

/** What became of one page of a gap. */
export interface PageOutcome {
  readonly stored: number
  /** Ids recorded as unfillable. */
  readonly gone: number
  /** Ids below it need not be asked for again now. */
  readonly next: number
  /** Why ids of the page are still missing. */
  readonly failure: string | undefined
}

/** A leased gap while it is being filled. Several of its pages may be under way at once. */
export class RepairJob {
  gap: LeasedGap
  stored = 0
  gone = 0
  /** The first reason why it cannot be filled now. */
  failure: string | undefined
  /** Somebody else has it now, or nothing of it is left. */
  lost = false
  private next: number
  private underWay = 0
  private waiting = true

  /** The span in which it was leased; undefined: none. */
  readonly leasedIn: Tracer.Span | undefined

  constructor(gap: LeasedGap, leasedIn?: Tracer.Span) {
    this.gap = gap
    this.leasedIn = leasedIn
    this.next = gap.first
  }

  /** Takes its turn: the first id of its next page, or undefined when there is none to ask for. */
  turn(): number | undefined {
    this.waiting = false
    if (!this.wantsMore) return undefined
    const from = this.next
    this.next += PAGE
    this.underWay += 1
    this.waiting = this.wantsMore
    return from
  }

  /** A page that was taken is done, or failed. */
  done(outcome: PageOutcome | string) {
    this.underWay -= 1
    if (typeof outcome === "string") {
      this.failure ??= outcome
      return
    }
    this.stored += outcome.stored
    this.gone += outcome.gone
    this.next = Math.max(this.next, outcome.next)
    this.failure ??= outcome.failure
  }

  /** Whether it waits for another turn. */
  get isWaiting() {
    return this.waiting
  }

  get isFinished() {
    return !this.waiting && this.underWay === 0
  }

  get progressed() {
    return this.stored + this.gone > 0
  }

  private get wantsMore() {
    return this.failure === undefined && !this.lost && this.next <= this.gap.last
  }
}
