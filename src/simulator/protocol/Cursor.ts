import { type IdRange } from "./IdRanges.ts"
import { type Outlet } from "./Outlet.ts"

/** What a cursor hands out at most at a time, so that the streams of a connection take turns. */
const TURN = 256
/** How long a reordering waits for enough events. */
const REORDER_WAIT_MICROS = 1_000_000

/** Positions to send now; `reversed`: the last one first. */
export interface Turn extends IdRange {
  readonly reversed: boolean
}

/** One subscription's own place in a channel. A slow connection's cursor stays behind; nothing is queued for it. */
export interface Cursor {
  readonly stream: string
  /** Undefined for a stream that does not exist: acknowledged, never sends. */
  readonly outlet: Outlet | undefined
  /** Takes what can be sent now and moves on; undefined when there is nothing. */
  readonly take: (now: number) => Turn | undefined
  /** Sends the last `count` events again. */
  readonly repeat: (count: number) => void
  /** Sends the next `count` events in reverse. */
  readonly reverse: (count: number, now: number) => void
  /** Leaves out everything that is public at `now`. */
  readonly forgo: (now: number) => void
}

/** A cursor after everything that is public at `now`. */
export const makeCursor = (stream: string, outlet: Outlet | undefined, now: number): Cursor => {
  /** Asked before the start: a capture's first event may be public with it. */
  const start = outlet === undefined ? 0 : outlet.channel.newest(now) + 1
  outlet?.channel.start(now)
  let next = start
  let again: IdRange | undefined
  let reversing: { readonly count: number; readonly deadline: number } | undefined

  const take = (now: number): Turn | undefined => {
    if (outlet === undefined) {
      return undefined
    }
    if (again !== undefined) {
      const turn = { first: again.first, last: Math.min(again.last, again.first + TURN - 1), reversed: false }
      again = turn.last < again.last ? { first: turn.last + 1, last: again.last } : undefined
      return turn
    }
    const newest = outlet.channel.newest(now)
    let withheld = outlet.withheldFrom(next)
    while (withheld !== undefined && withheld.first <= next && newest >= next) {
      next = withheld.last + 1
      withheld = outlet.withheldFrom(next)
    }
    const end = Math.min(newest, withheld === undefined ? newest : withheld.first - 1)
    if (end < next) {
      return undefined
    }
    if (reversing !== undefined && end < next + reversing.count - 1 && now < reversing.deadline) {
      return undefined
    }
    const last = Math.min(end, next + (reversing?.count ?? TURN) - 1)
    const turn = { first: next, last, reversed: reversing !== undefined }
    reversing = undefined
    next = last + 1
    return turn
  }

  return {
    stream,
    outlet,
    take,
    repeat: (count) => {
      const first = Math.max(start, next - count)
      if (outlet !== undefined && first < next) {
        again = { first, last: next - 1 }
      }
    },
    reverse: (count, now) => {
      reversing = { count, deadline: now + REORDER_WAIT_MICROS }
    },
    forgo: (now) => {
      next = outlet === undefined ? next : Math.max(next, outlet.channel.newest(now) + 1)
    },
  }
}
