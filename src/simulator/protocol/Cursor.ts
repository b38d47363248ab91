import { type IdRange, makeIdRanges } from "./IdRanges.ts"
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
  /** Gives the last `count` events again that it gave; false when it will not. */
  readonly repeat: (count: number, now: number) => boolean
  /** Gives the next `count` events in reverse; `done` is called when it has, unless they were too few to tell. */
  readonly reverse: (count: number, now: number, done: () => void) => void
  /** Leaves out everything that is public at `now`. */
  readonly forgo: (now: number) => void
  /** Gives nothing before `until` (µs), and of what is public by then nothing later either. */
  readonly stall: (until: number) => void
  /** Whether it gives what becomes public. */
  readonly flows: (now: number) => boolean
}

/** A cursor after everything that is public at `now`. */
export const makeCursor = (stream: string, outlet: Outlet | undefined, now: number): Cursor => {
  /** Asked before the start: a capture's first event may be public with it. */
  const start = outlet === undefined ? 0 : outlet.channel.newest(now) + 1
  outlet?.channel.start(now)
  let next = start
  let again: ReadonlyArray<IdRange> = []
  let reversing: { readonly count: number; readonly deadline: number; readonly done: () => void } | undefined
  let stalledUntil = 0
  const given = makeIdRanges()

  const flows = (now: number): boolean => outlet !== undefined && now >= stalledUntil

  const forgo = (now: number): void => {
    next = outlet === undefined ? next : Math.max(next, outlet.channel.newest(now) + 1)
  }

  const takeAgain = ({ first, last }: IdRange): Turn => {
    const end = Math.min(last, first + TURN - 1)
    again = [...(end < last ? [{ first: end + 1, last }] : []), ...again.slice(1)]
    return { first, last: end, reversed: false }
  }

  const take = (now: number): Turn | undefined => {
    if (outlet === undefined || now < stalledUntil) {
      return undefined
    }
    if (stalledUntil > 0) {
      forgo(stalledUntil)
      stalledUntil = 0
    }
    if (again[0] !== undefined) {
      return takeAgain(again[0])
    }
    const newest = outlet.channel.newest(now)
    let withheld = outlet.withheldFrom(next)
    while (withheld !== undefined && withheld.first <= next && newest >= next) {
      const last = Math.min(newest, withheld.last)
      outlet.pass(next, last)
      next = last + 1
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
    if (last > next) {
      reversing?.done()
    }
    reversing = undefined
    given.add(next, last)
    next = last + 1
    return turn
  }

  return {
    stream,
    outlet,
    take,
    repeat: (count, now) => {
      again = flows(now) ? given.highest(count) : []
      return again.length > 0
    },
    reverse: (count, now, done) => {
      reversing = flows(now) ? { count, deadline: now + REORDER_WAIT_MICROS, done } : undefined
    },
    forgo,
    stall: (until) => {
      stalledUntil = Math.max(stalledUntil, until)
      again = []
      reversing = undefined
    },
    flows,
  }
}
