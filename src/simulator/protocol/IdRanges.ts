/** A run of ids, both ends included. */
export interface IdRange {
  readonly first: number
  readonly last: number
}

/** A set of ids, kept as runs: flat for an exchange whose ids are consecutive. */
export interface IdRanges {
  readonly add: (first: number, last: number) => void
  /** In ascending order, apart from each other. */
  readonly ranges: () => ReadonlyArray<IdRange>
  readonly count: () => number
}

/** An empty set. */
export const makeIdRanges = (): IdRanges => {
  let ranges: Array<IdRange> = []
  const add = (first: number, last: number): void => {
    const end = ranges.at(-1)
    if (end === undefined || first > end.last + 1) {
      ranges.push({ first, last })
    } else if (first >= end.first) {
      ranges[ranges.length - 1] = { first: end.first, last: Math.max(end.last, last) }
    } else {
      const before = ranges.filter((range) => range.last + 1 < first)
      const after = ranges.filter((range) => range.first - 1 > last)
      const touching = ranges.slice(before.length, ranges.length - after.length)
      const merged = {
        first: Math.min(first, touching[0]?.first ?? first),
        last: Math.max(last, touching.at(-1)?.last ?? last),
      }
      ranges = [...before, merged, ...after]
    }
  }
  return {
    add,
    ranges: () => [...ranges],
    count: () => ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0),
  }
}
