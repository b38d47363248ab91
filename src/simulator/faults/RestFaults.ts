import { Duration } from "effect"
import { type ExchangeClock } from "../protocol/ExchangeClock.ts"
import { type RestInterference, type RestOutage } from "../protocol/RestInterference.ts"
import { type RestAnswer } from "../protocol/tradeEndpoints.ts"
import { type MarketSource, type SymbolTrades } from "../source/MarketSource.ts"
import { type FaultDetail } from "./FaultDetail.ts"
import { type FaultTally } from "./FaultTally.ts"
import { flooredTrades, lateTrades } from "./partialTrades.ts"
import { type RestFault } from "./RestFault.ts"
import { makeSpell } from "./Spell.ts"

/** What is wrong with REST at the moment. */
export interface RestFaults {
  /** Begins now; says what was done. */
  readonly begin: (fault: RestFault) => FaultDetail
  /** Whom it asks about a request it notes as met. */
  readonly interference: RestInterference
}

/** Nothing is wrong yet. */
export const makeRestFaults = (clock: ExchangeClock, source: MarketSource, met: FaultTally): RestFaults => {
  const hang = makeSpell<true>(clock)
  const outage = makeSpell<RestOutage>(clock)
  const delay = makeSpell<number>(clock)
  const cut = makeSpell<true>(clock)
  const empty = makeSpell<true>(clock)
  const late = makeSpell<number>(clock)
  const floors = new Map<string, number>()

  const raiseFloor = (symbol: string, ids: number): void => {
    const newest = source.symbols.get(symbol)?.newest(clock())
    if (newest !== undefined) {
      floors.set(symbol, Math.max(floors.get(symbol) ?? 0, newest - ids + 1))
    }
  }

  const begin = (fault: RestFault): FaultDetail => {
    if (fault.kind === "restFloor") {
      const symbols = fault.symbol === undefined ? [...source.symbols.keys()] : [fault.symbol]
      symbols.forEach((symbol) => raiseFloor(symbol, fault.ids))
      return { ids: fault.ids, floors: Object.fromEntries([...floors].filter(([symbol]) => symbols.includes(symbol))) }
    }
    const duration = Duration.toMillis(fault.for)
    switch (fault.kind) {
      case "restHang":
        hang.begin(fault.for, true)
        return { for: duration }
      case "rest": {
        const { code = -1000, msg = "An unknown error occurred while processing the request.", status = 503 } = fault
        outage.begin(fault.for, { status, code, msg, retryAfter: fault.retryAfter })
        return { status, for: duration }
      }
      case "restSlow":
        delay.begin(fault.for, Duration.toMillis(fault.delay))
        return { delay: Duration.toMillis(fault.delay), for: duration }
      case "restCut":
        cut.begin(fault.for, true)
        return { for: duration }
      case "restEmpty":
        empty.begin(fault.for, true)
        return { for: duration }
      case "restLate":
        late.begin(fault.for, fault.ids)
        return { ids: fault.ids, for: duration }
    }
  }

  /** Notes the kind where it holds. */
  const meet = <A>(kind: RestFault["kind"], value: A | undefined): A | undefined => {
    if (value !== undefined) {
      met.add(kind)
    }
    return value
  }

  const trades: RestInterference["trades"] = (query, answer) => {
    const symbol = query.query.get("symbol") ?? ""
    const listed = query.symbols.get(symbol)
    const whole = answer(query)
    if (listed === undefined || "refused" in whole) {
      return whole
    }
    if (whole.value.length > 0 && meet("restEmpty", empty.current()) !== undefined) {
      return { value: [] }
    }
    let view = listed
    let found: RestAnswer = whole
    const look = (kind: RestFault["kind"], through: SymbolTrades): void => {
      view = through
      const seen = answer({ ...query, symbols: new Map(query.symbols).set(symbol, view) })
      meet(kind, JSON.stringify(seen) === JSON.stringify(found) ? undefined : true)
      found = seen
    }
    const floor = floors.get(symbol)
    if (floor !== undefined) {
      look("restFloor", flooredTrades(view, floor))
    }
    const lacking = late.current()
    if (lacking !== undefined) {
      look("restLate", lateTrades(view, lacking))
    }
    return found
  }

  return {
    begin,
    interference: {
      hang: () => (meet("restHang", hang.current()) === undefined ? undefined : hang.left()),
      outage: () => meet("rest", outage.current()),
      delay: () => meet("restSlow", delay.current()),
      cut: () => meet("restCut", cut.current()) ?? false,
      trades,
    },
  }
}
