import { Duration } from "effect"
import { type ExchangeClock } from "../protocol/ExchangeClock.ts"
import { type RestOutage } from "../protocol/RestServer.ts"
import { type Session } from "../protocol/Session.ts"
import { type StreamServer } from "../protocol/StreamServer.ts"
import { type MarketSource } from "../source/MarketSource.ts"
import { applyFault, type FaultDetail } from "./applyFault.ts"
import { type Fault } from "./Fault.ts"

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
  /** The HTTP status that handshakes are refused with at the moment. */
  readonly refusal: () => number | undefined
  /** Why REST requests are refused at the moment. */
  readonly outage: () => RestOutage | undefined
  readonly onOpen: (session: Session) => void
  readonly happened: () => ReadonlyArray<HappenedFault>
  readonly counts: () => Readonly<Record<string, number>>
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
  const counts = new Map<string, number>()
  let refusal = { until: 0, status: 503 }
  let outage: { readonly until: number; readonly answer: RestOutage } | undefined
  let lifetime: number | undefined
  let timer: NodeJS.Timeout | undefined

  const happen = (fault: Fault, streams: StreamServer, now: number): FaultDetail => {
    switch (fault.kind) {
      case "refuse":
        refusal = { until: now + micros(fault.for), status: fault.status ?? 503 }
        return { status: refusal.status, for: Duration.toMillis(fault.for) }
      case "rest": {
        const { code = -1000, msg = "An unknown error occurred while processing the request.", status = 503 } = fault
        outage = { until: now + micros(fault.for), answer: { status, code, msg, retryAfter: fault.retryAfter } }
        return { status, for: Duration.toMillis(fault.for) }
      }
      case "lifetime": {
        const after = Duration.toMillis(fault.after)
        lifetime = after
        streams.sessions().forEach((session) => session.limitLifetime(after))
        return { after }
      }
      default:
        return applyFault(fault, source, streams, now)
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
    const now = clock()
    for (const entry of entries) {
      if (isDue(entry, streams, now)) {
        const detail = happen(entry.fault, streams, now)
        const { every, kind } = entry.fault
        entry.left = every === undefined ? 0 : entry.left - 1
        entry.due = every === undefined ? entry.due : now + micros(every)
        counts.set(kind, (counts.get(kind) ?? 0) + 1)
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
      timer = setInterval(() => {
        if (entries.length > 0) {
          run(streams)
        }
      }, INTERVAL)
    },
    refusal: () => (clock() < refusal.until ? refusal.status : undefined),
    outage: () => (outage !== undefined && clock() < outage.until ? outage.answer : undefined),
    onOpen: (session) => {
      if (lifetime !== undefined) {
        session.limitLifetime(lifetime)
      }
    },
    happened: () => [...log],
    counts: () => Object.fromEntries(counts),
    pending: () => entries.length,
    close: () => clearInterval(timer),
  }
}
