import { Duration } from "effect"
import { type ExchangeClock } from "../protocol/ExchangeClock.ts"
import { type RestInterference } from "../protocol/RestInterference.ts"
import { type Session } from "../protocol/Session.ts"
import { type StreamServer } from "../protocol/StreamServer.ts"
import { type MarketSource } from "../source/MarketSource.ts"
import { applyFault } from "./applyFault.ts"
import { type Fault } from "./Fault.ts"
import { type FaultDetail } from "./FaultDetail.ts"
import { makeFaultTally } from "./FaultTally.ts"
import { makeRestFaults } from "./RestFaults.ts"
import { makeSpell } from "./Spell.ts"

/** How often, in ms, the schedule looks whether something is due. */
const INTERVAL = 2
/** How many of the faults that happened are remembered one by one; all are counted. */
const REMEMBERED = 1_000

/** A fault that happened. */
export interface HappenedFault {
  readonly kind: Fault["kind"]
  /** ISO 8601. */
  readonly time: string
  readonly detail: FaultDetail
}

/** Makes faults happen when they are due, and remembers them. */
export interface FaultSchedule {
  /** `at` counts from now on. */
  readonly add: (faults: ReadonlyArray<Fault>) => void
  /** Starts the schedule on these streams. */
  readonly attach: (streams: StreamServer) => void
  /** The HTTP status that a handshake is refused with at the moment. */
  readonly refusal: () => number | undefined
  readonly rest: RestInterference
  readonly onOpen: (session: Session) => void
  readonly happened: () => ReadonlyArray<HappenedFault>
  /** How often faults happened, by kind. */
  readonly counts: () => Readonly<Record<string, number>>
  /**
   * How many requests, handshakes or connections faults were done to, by kind, and 0 for one that was done to nobody. Of
   * `skip`: how many trades somebody who was subscribed did not get.
   */
  readonly met: () => Readonly<Record<string, number>>
  /** How many are still to come. */
  readonly pending: () => number
  readonly close: () => void
}

interface Entry {
  readonly fault: Fault
  readonly added: number
  /** µs; undefined: not yet known, or by trades. */
  due: number | undefined
  left: number
}

const micros = (span: Duration.Duration): number => Duration.toMillis(span) * 1000

/** Nothing scheduled yet. */
export const makeFaultSchedule = (clock: ExchangeClock, source: MarketSource): FaultSchedule => {
  let entries: Array<Entry> = []
  const log: Array<HappenedFault> = []
  const counts = makeFaultTally()
  const met = makeFaultTally()
  const refusal = makeSpell<number>(clock)
  const rest = makeRestFaults(clock, source, met)
  let lifetime: number | undefined
  let timer: NodeJS.Timeout | undefined
  let attached: StreamServer | undefined

  const limit = (session: Session, after: number): void => session.limitLifetime(after, () => met.add("lifetime"))

  const happen = (fault: Fault, streams: StreamServer, now: number): FaultDetail => {
    switch (fault.kind) {
      case "refuse": {
        const { status = 503 } = fault
        refusal.begin(fault.for, status)
        return { status, for: Duration.toMillis(fault.for) }
      }
      case "rest":
      case "restHang":
      case "restSlow":
      case "restCut":
      case "restEmpty":
      case "restLate":
      case "restFloor":
        return rest.begin(fault)
      case "lifetime": {
        const after = Duration.toMillis(fault.after)
        lifetime = after
        streams.sessions().forEach((session) => limit(session, after))
        return { after }
      }
      default:
        return applyFault(fault, { source, streams, met }, now)
    }
  }

  const isDue = (entry: Entry, streams: StreamServer, now: number): boolean => {
    const { fault } = entry
    if (fault.afterTrades !== undefined && entry.due === undefined) {
      return streams.sent.total("symbol" in fault ? fault.symbol : undefined) >= fault.afterTrades
    }
    if (entry.due === undefined) {
      const from = fault.from === "subscription" ? streams.firstSubscription() : entry.added
      entry.due = from === undefined ? undefined : Math.max(from, entry.added) + (fault.at ? micros(fault.at) : 0)
    }
    return entry.due !== undefined && now >= entry.due
  }

  const run = (streams: StreamServer): void => {
    for (const entry of entries) {
      /** Asked for each: what the one before it sent is public by now. */
      const now = clock()
      if (isDue(entry, streams, now)) {
        const detail = happen(entry.fault, streams, now)
        const { every, kind } = entry.fault
        entry.left = every === undefined ? 0 : entry.left - 1
        entry.due = every === undefined ? entry.due : now + micros(every)
        counts.add(kind)
        met.add(kind, 0)
        log.push({ kind, time: new Date(Math.floor(now / 1000)).toISOString(), detail })
        log.splice(0, log.length - REMEMBERED)
      }
    }
    entries = entries.filter((entry) => entry.left > 0)
  }

  return {
    add: (faults) => {
      const added = clock()
      entries.push(
        ...faults.map((fault) => ({ fault, added, due: undefined, left: fault.times ?? Number.POSITIVE_INFINITY })),
      )
    },
    attach: (streams) => {
      attached = streams
      timer = setInterval(() => {
        if (entries.length > 0) {
          run(streams)
        }
      }, INTERVAL)
    },
    refusal: () => {
      const status = refusal.current()
      if (status !== undefined) {
        met.add("refuse")
      }
      return status
    },
    rest: rest.interference,
    onOpen: (session) => {
      if (lifetime !== undefined) {
        limit(session, lifetime)
      }
    },
    happened: () => [...log],
    counts: counts.counts,
    met: () => {
      const kinds = met.counts()
      return "skip" in kinds ? { ...kinds, skip: attached?.passedOver() ?? 0 } : kinds
    },
    pending: () => entries.length,
    close: () => clearInterval(timer),
  }
}
