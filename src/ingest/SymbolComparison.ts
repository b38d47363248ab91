import type { RestError } from "../feed/RestError.ts"
import { countIds, type IdRange, joined, without } from "../market/IdRange.ts"
import type { Trade } from "../market/Trade.ts"
import type { StoredTrade } from "../store/storedPage.ts"
import type { Difference, Obtainable, PageComparison } from "./comparePage.ts"
import type { IdPage } from "./samplePages.ts"

/** How many of a kind are kept to be shown. */
export const MOST_SHOWN = 10

/** How many there are, and the first of them. */
export interface Found<A> {
  readonly count: number
  readonly shown: ReadonlyArray<A>
}

/** What samples of the exchange's history say of the rows of a symbol. */
export interface SymbolComparison {
  readonly symbol: string
  /** How many were chosen. */
  readonly samples: number
  /** How many had a row to compare. */
  readonly pages: number
  readonly compared: number
  readonly cutTimes: number
  readonly differing: Found<Difference>
  readonly unknown: Found<StoredTrade>
  readonly lost: Found<Trade>
  /** Of `lost`, those that were not known as lost before. */
  readonly newlyLost: number
  readonly obtainable: ReadonlyArray<Obtainable>
  readonly gone: ReadonlyArray<IdRange>
  readonly limited: ReadonlyArray<IdRange>
  readonly pending: ReadonlyArray<IdRange>
  /** Why the host does not serve what is `limited`. */
  readonly limitation: string | undefined
  /** Why the pages that were left could not be compared. */
  readonly failure: RestError | undefined
}

const none = { count: 0, shown: [] } as const

/** The comparison before the first page. */
export const nothing = {
  pages: 0,
  compared: 0,
  cutTimes: 0,
  differing: none,
  unknown: none,
  lost: none,
  newlyLost: 0,
  obtainable: [],
  gone: [],
  limited: [],
  pending: [],
  limitation: undefined,
  failure: undefined,
} as const

/** A page of which the host serves nothing, so that it need not be asked for it. */
export const unserved = ({ first, last }: IdPage, limitation: string | undefined): PageComparison => {
  const ids = [{ first: BigInt(first), last: BigInt(last) }]
  const empty = { compared: 0, cutTimes: 0, differing: [], unknown: [], lost: [], obtainable: [], pending: [] }
  return limitation === undefined ? { ...empty, gone: ids, limited: [] } : { ...empty, gone: [], limited: ids }
}

/** @param lost ids that are known to be lost already. */
export const added = (
  total: SymbolComparison,
  page: PageComparison,
  lost: ReadonlyArray<IdRange>,
): SymbolComparison => ({
  ...total,
  pages: total.pages + (page.compared > 0 ? 1 : 0),
  compared: total.compared + page.compared,
  cutTimes: total.cutTimes + page.cutTimes,
  differing: both(total.differing, page.differing),
  unknown: both(total.unknown, page.unknown),
  lost: both(total.lost, page.lost),
  newlyLost: total.newlyLost + Number(countIds(without(page.lost.map(only), lost))),
  obtainable: joined([...total.obtainable, ...page.obtainable], (one, next) => one.reason === next.reason),
  gone: joined([...total.gone, ...page.gone]),
  limited: joined([...total.limited, ...page.limited]),
  pending: joined([...total.pending, ...page.pending]),
})

const both = <A>({ count, shown }: Found<A>, more: ReadonlyArray<A>): Found<A> => ({
  count: count + more.length,
  shown: [...shown, ...more.slice(0, MOST_SHOWN - shown.length)],
})

const only = ({ id }: Trade): IdRange => ({ first: BigInt(id), last: BigInt(id) })
