import { Duration, Effect } from "effect"
import { PAGE, TradeHistory } from "../feed/TradeHistory.ts"
import { GapLedger } from "../store/GapLedger.ts"
import { TradeStore } from "../store/TradeStore.ts"
import type { PageOutcome } from "./RepairJob.ts"

/** Between the two answers that have to agree before ids are given up: a replica that lags, or one bad answer, is no evidence. */
const SECOND_LOOK = Duration.seconds(1)

/** The ids from `from` to the end of the gap, of which one page is asked for. */
export interface Asked {
  readonly symbol: string
  readonly from: number
  readonly last: number
}

/** Gives the effect that asks for one page of a gap, commits what the exchange has of it, and records what it has no more. */
export const makeRepairPage = Effect.gen(function* () {
  const history = yield* TradeHistory
  const ledger = yield* GapLedger
  const store = yield* TradeStore

  const ask = ({ from, symbol }: Asked) =>
    history.page(symbol, from).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "UnknownSymbol",
        () => Effect.succeed(undefined),
      ),
    )

  /** The first id that the exchange still serves; Infinity when it does not even list the symbol. */
  const floorOf = (answer: Effect.Success<ReturnType<typeof ask>>, from: number) => {
    if (answer === undefined) return Number.POSITIVE_INFINITY
    const first = answer.trades[0]?.id
    return first === undefined || answer.limitation !== undefined ? from : first
  }

  const giveUp = Effect.fnUntraced(function* (asked: Asked, floor: number) {
    const { from, last, symbol } = asked
    yield* Effect.sleep(SECOND_LOOK)
    const agreed = Math.min(floor, floorOf(yield* ask(asked), from))
    if (agreed <= from) return { gone: 0, failure: `Two answers about id ${from} disagree.` }
    const reason =
      agreed === Number.POSITIVE_INFINITY
        ? `The exchange no longer lists ${symbol}.`
        : `The exchange no longer serves it: asked for ids from ${from} on, it answers from ${agreed} on.`
    return { gone: yield* ledger.unfillable(symbol, from, Math.min(agreed - 1, last), reason), failure: undefined }
  })

  return Effect.fnUntraced(function* (asked: Asked) {
    const { from, last } = asked
    const answer = yield* ask(asked)
    const trades = answer?.trades ?? []
    // Ids above the gap are live's: committing them from here would move the high past trades that are still in a batch.
    const wanted = trades.filter(({ id }) => id <= last)
    const stored = wanted.length === 0 ? 0 : yield* committed(wanted)
    const floor = floorOf(answer, from)
    const { failure, gone } =
      floor > from ? yield* giveUp(asked, floor) : { gone: 0, failure: shortage(asked, trades, answer?.limitation) }
    const reached = wanted.at(-1)?.id ?? Math.min(floor - 1, last)
    const outcome: PageOutcome = { stored, gone, next: reached + 1, failure }
    return outcome
  })

  function committed(trades: Parameters<typeof store.repair>[0]) {
    return Effect.map(store.repair(trades), ({ quarantined, stored }) => stored + quarantined)
  }
})

/** What is wrong with an answer that does not prove that ids are gone; undefined when it has all that a page can hold. */
const shortage = (
  { from, last }: Asked,
  trades: ReadonlyArray<{ readonly id: number }>,
  limitation: string | undefined,
): string | undefined => {
  const first = trades[0]?.id
  const newest = trades.at(-1)?.id
  if (first === undefined || newest === undefined)
    return limitation ?? `The exchange serves nothing from id ${from} on yet.`
  if (first > from) return limitation
  return newest < Math.min(last, from + PAGE - 1) ? `The exchange serves no ids after ${newest} yet.` : undefined
}
