import { PAGE } from "../feed/TradeHistory.ts"
import type { LeasedGap } from "./LeasedGap.ts"

/**
 * Joins gaps of one lease that are neighbours wherever they take fewer pages together: what live trades or reordered frames leave
 * of a hole may be hundreds of runs, and the exchange charges by the page. Gives the smallest first.
 */
export const joinGaps = (gaps: ReadonlyArray<LeasedGap>): ReadonlyArray<LeasedGap> => {
  const joined: Array<LeasedGap> = []
  for (const gap of [...gaps].sort(inOrder)) {
    const before = joined.at(-1)
    const both = before && { ...before, last: gap.last, attempts: Math.max(before.attempts, gap.attempts) }
    if (before?.symbol === gap.symbol && both && pages(both) < pages(before) + pages(gap)) joined.splice(-1, 1, both)
    else joined.push(gap)
  }
  return joined.sort((a, b) => a.last - a.first - (b.last - b.first))
}

const inOrder = (a: LeasedGap, b: LeasedGap) =>
  a.symbol === b.symbol ? a.first - b.first : a.symbol < b.symbol ? -1 : 1

const pages = ({ first, last }: LeasedGap) => Math.ceil((last - first + 1) / PAGE)
