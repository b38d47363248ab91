import { Effect, Result, Schedule } from "effect"
import type { RestError } from "../feed/RestError.ts"
import { TradeHistory } from "../feed/TradeHistory.ts"
import type { IdRange } from "../market/IdRange.ts"
import type { StoredPage } from "../store/storedPage.ts"
import { comparePage } from "./comparePage.ts"
import { samplePages } from "./samplePages.ts"
import { added, nothing, type SymbolComparison, unserved } from "./SymbolComparison.ts"

/** A page that fails is asked for twice more: hosts time out now and then. */
const another = { times: 2, schedule: Schedule.spaced("1 second") }

/** What is compared of a symbol. */
export interface Compared {
  readonly symbol: string
  readonly origin: bigint
  /** Newer trades are ignored. */
  readonly high: bigint
  /** Ids that are known to be lost. */
  readonly lost: ReadonlyArray<IdRange>
}

/**
 * Compares at most `samples` pages of the symbol with the exchange's history, row by row, page by page upwards. A page below the
 * oldest trade that the exchange is known to serve is not asked for.
 *
 * @param read the rows and the ledger of a run of ids.
 */
export const compareSymbol = Effect.fnUntraced(function* <E, R>(
  { high, lost, origin, symbol }: Compared,
  samples: number,
  read: (symbol: string, first: number, last: number) => Effect.Effect<StoredPage, E, R>,
) {
  const history = yield* TradeHistory
  const pages = yield* samplePages(Number(origin), Number(high), samples)
  let total: SymbolComparison = { ...nothing, symbol, samples: pages.length }
  let servesBelow = false
  let floor: { readonly id: number; readonly limitation: string | undefined } | undefined

  for (const page of pages) {
    if (floor !== undefined && page.last < floor.id) {
      total = added(total, unserved(page, floor.limitation), lost)
      continue
    }
    const answer = yield* Effect.result(
      Effect.retry(history.page(symbol, page.first), { ...another, while: ({ reason }) => passing.has(reason) }),
    )
    if (Result.isFailure(answer)) return { ...total, failure: answer.failure }
    const { limitation, trades } = answer.success
    const stored = yield* read(symbol, page.first, page.last)
    total = added(
      { ...total, limitation: limitation ?? total.limitation },
      comparePage(page, answer.success, stored, servesBelow),
      lost,
    )
    const oldest = trades[0]?.id
    if (oldest === undefined) continue
    if (!servesBelow && oldest > page.first) floor = { id: oldest, limitation }
    servesBelow ||= oldest <= page.last
  }
  return total
})

/** Reasons that may be gone a second later. */
const passing: ReadonlySet<RestError["reason"]> = new Set<RestError["reason"]>([
  "Unreachable",
  "Unavailable",
  "Limited",
])
