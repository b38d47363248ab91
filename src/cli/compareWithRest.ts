import { Console, Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { RestFailure } from "../feed/RestError.ts"
import * as Fulltape from "../Fulltape.ts"
import { compareSymbol } from "../ingest/compareSymbol.ts"
import type { SymbolComparison } from "../ingest/SymbolComparison.ts"
import { marketOf } from "../market/Market.ts"
import { Settings } from "../Settings.ts"
import type { SymbolCompleteness } from "../store/completeness.ts"
import { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { sqlFailure } from "../store/sqlFailure.ts"
import { storedMarket } from "../store/storedMarket.ts"
import { storedPage } from "../store/storedPage.ts"
import { describeComparison, sentenceOf } from "./describeComparison.ts"

/** What is wrong, as parts of a sentence; and why nothing could be compared, as a sentence of its own. */
export interface Outcome {
  readonly problems: ReadonlyArray<string>
  readonly notMade: ReadonlyArray<string>
}

/** Failures of one symbol; all others are the host's, and another symbol would meet them too. */
const ofOneSymbol: ReadonlySet<RestFailure> = new Set<RestFailure>(["UnknownSymbol", "Malformed", "Refused"])

/** Compares samples of every symbol with what the exchange's REST host says, and prints what it finds, symbol by symbol. */
export const compareWithRest = Effect.fnUntraced(
  function* (symbols: ReadonlyArray<SymbolCompleteness>, samples: number) {
    const { restUrl, wsUrl } = (yield* Settings).binance
    const market = marketOf(wsUrl)
    const stored = yield* storedMarket(yield* SqlClient.SqlClient)
    if (stored !== undefined && stored !== market)
      return notMade(`the database holds trades of ${stored}, and BINANCE_WS_URL is of ${market}.`)
    if (restUrl === undefined) return notMade("no REST host is known for BINANCE_WS_URL; set BINANCE_REST_URL.")

    const done: Array<SymbolComparison> = []
    for (const symbol of symbols) {
      const comparison = yield* compareSymbol(symbol, samples, storedPage)
      done.push(comparison)
      yield* Console.log(describeComparison(comparison, restUrl.host))
      if (comparison.failure !== undefined && !ofOneSymbol.has(comparison.failure.reason)) break
    }
    const left = symbols.slice(done.length).map(({ symbol }) => symbol)
    if (left.length > 0) yield* Console.log(`Not compared: ${left.join(", ")}`)
    return yield* concluded(done, restUrl.host)
  },
  Effect.provide(Fulltape.rest),
  Effect.catchTag("SqlError", (error) =>
    Effect.fail(new DatabaseUnusable({ message: `The trades could not be read: ${sqlFailure(error).detail}.` })),
  ),
)

const concluded = Effect.fnUntraced(function* (done: ReadonlyArray<SymbolComparison>, host: string) {
  const total = (of: (comparison: SymbolComparison) => number) => done.reduce((sum, one) => sum + of(one), 0)
  const compared = total((one) => one.compared)
  const differing = total(({ differing }) => differing.count)
  const equal = differing === 0 ? "all are equal" : `${compared - differing} are equal`
  if (compared > 0)
    yield* Console.log(`${compared} trades of ${total(({ pages }) => pages)} pages compared with ${host}: ${equal}.`)
  const counts: ReadonlyArray<readonly [number, string]> = [
    [differing, "trades differ from what the exchange says"],
    [total(({ unknown }) => unknown.count), "rows are of trades that the exchange does not have"],
    [total(({ newlyLost }) => newlyLost), "trades that the exchange has are missing without a trace"],
  ]
  return {
    problems: counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])),
    notMade: compared > 0 ? [] : notMade(whyNot(done)).notMade,
  }
})

const notMade = (why: string): Outcome => ({ problems: [], notMade: [`Nothing was compared: ${why}`] })

const whyNot = (done: ReadonlyArray<SymbolComparison>): string => {
  const failed = done.find(({ failure }) => failure !== undefined)
  if (failed?.failure !== undefined) return sentenceOf(failed.failure, failed.symbol)
  return (
    done.find(({ limitation }) => limitation !== undefined)?.limitation ??
    "the exchange serves none of the sampled rows."
  )
}
