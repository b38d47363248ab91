import { MOST_SHOWN } from "../ingest/SymbolComparison.ts"
import type { IdRange } from "../market/IdRange.ts"

/** The first lines, each below its symbol, and how many more there are. */
export const listed = (lines: ReadonlyArray<string>, count = lines.length): ReadonlyArray<string> => [
  ...lines.slice(0, MOST_SHOWN).map((line) => `  ${line}`),
  ...(count > MOST_SHOWN ? [`  … and ${count - MOST_SHOWN} more`] : []),
]

/** The lowest ranges, with what is to be said of each. */
export const listedRanges = <A extends IdRange>(
  kind: string,
  ranges: ReadonlyArray<A>,
  why?: (range: A) => string,
): ReadonlyArray<string> =>
  listed(
    ranges.slice(0, MOST_SHOWN).map((range) => {
      const ids = `${kind} ${range.first} to ${range.last} (${range.last - range.first + 1n})`
      return why === undefined ? ids : `${ids}: ${why(range)}`
    }),
    ranges.length,
  )
