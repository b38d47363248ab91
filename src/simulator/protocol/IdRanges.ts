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
  /** The lowest run that ends at this id or later. */
  readonly from: (id: number) => IdRange | undefined
  /** The runs of the highest `count` ids, ascending. */
  readonly highest: (count: number) => ReadonlyArray<IdRange>
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
  const from = (id: number): IdRange | undefined => {
    const end = ranges.at(-1)
    if (end === undefined || end.last < id) {
      return undefined
    }
    let low = 0
    let high = ranges.length - 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((ranges[middle]?.last ?? id) >= id) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return ranges[low]
  }
  const highest = (count: number): ReadonlyArray<IdRange> => {
    const runs: Array<IdRange> = []
    let left = count
    for (let index = ranges.length - 1; index >= 0 && left > 0; index--) {
      const { first, last } = ranges[index] ?? { first: 0, last: -1 }
      runs.unshift({ first: Math.max(first, last - left + 1), last })
      left -= last - first + 1
    }
    return runs
  }
  return {
    add,
    from,
    highest,
    ranges: () => [...ranges],
    count: () => ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0),
  }
}
