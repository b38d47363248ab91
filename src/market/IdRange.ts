/** A run of trade ids, both ends included. */
export interface IdRange {
  readonly first: bigint
  readonly last: bigint
}

/** How many ids the ranges hold. */
export const countIds = (ranges: ReadonlyArray<IdRange>): bigint =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n)

/** What is in `ranges` and in none of `others`; both ascend and do not overlap themselves, and so does the result. */
export const without = (ranges: ReadonlyArray<IdRange>, others: ReadonlyArray<IdRange>): ReadonlyArray<IdRange> => {
  const left: Array<IdRange> = []
  let next = 0
  for (const { first, last } of ranges) {
    let from = first
    while (next < others.length && (others[next]?.last ?? 0n) < from) next++
    for (let other = next; other < others.length; other++) {
      const range = others[other]
      if (range === undefined || range.first > last) break
      if (range.first > from) left.push({ first: from, last: range.first - 1n })
      if (range.last >= from) from = range.last + 1n
    }
    if (from <= last) left.push({ first: from, last })
  }
  return left
}

/** The same ids in fewer ranges: neighbours become one where they are alike. They ascend and do not overlap. */
export const joined = <A extends IdRange>(
  ranges: ReadonlyArray<A>,
  alike: (one: A, next: A) => boolean = () => true,
): ReadonlyArray<A> => {
  const runs: Array<A> = []
  for (const range of ranges) {
    const before = runs.at(-1)
    if (before !== undefined && before.last + 1n === range.first && alike(before, range))
      runs[runs.length - 1] = { ...before, last: range.last }
    else runs.push(range)
  }
  return runs
}
