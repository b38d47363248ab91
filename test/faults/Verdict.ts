/** A run of ids, both ends included. */
export interface Ids {
  readonly first: number
  readonly last: number
}

/** What one symbol's rows and ledger say, and what is true of it. */
export interface SymbolEvidence {
  readonly symbol: string
  readonly origin: number
  readonly high: number
  /** Ordered by id, one for each row: the id, price, quantity, side and time in µs, with a space between them. */
  readonly rows: ReadonlyArray<string>
  /** Those that are not filled. */
  readonly gaps: ReadonlyArray<Ids & { readonly state: string; readonly reason: string }>
  /** What left the exchange for a connection; undefined: the exchange has no such symbol. */
  readonly sent: ReadonlyArray<Ids> | undefined
  /** REST no longer served lower ids; undefined: it served all of them. */
  readonly floor: number | undefined
  /** The newest trade that the exchange ever made of it. */
  readonly newest: number
  /** The row of an id, as the exchange made the trade. */
  readonly trade: (id: number) => string
}

/** How many sentences of a kind a person wants to read. */
const MOST = 5

/** What is wrong with a symbol: nothing, where each id from its origin to its high is stored once, as it was made. */
export const judge = (evidence: SymbolEvidence): ReadonlyArray<string> => {
  const { floor, gaps, high, newest, origin, rows, sent, symbol } = evidence
  const [first] = sent ?? []
  if (sent === undefined || first === undefined) return [`${symbol} is stored, and the exchange sent none of it`]
  const ids = rows.map((row) => Number(row.slice(0, row.indexOf(" "))))
  const unfillable = gaps.filter(({ state }) => state === "unfillable")
  return [
    ...some(
      symbol,
      "twice",
      ids.filter((id, index) => id === ids[index - 1]),
    ),
    ...some(
      symbol,
      "stored outside of origin and high",
      ids.filter((id) => id < origin || id > high),
    ),
    ...some(
      symbol,
      "stored, and the exchange never made it",
      ids.filter((id) => id > newest),
    ),
    ...some(symbol, "neither stored nor in the ledger", notIn({ first: origin, last: high }, ids, gaps)),
    ...some(
      symbol,
      "sent, beyond the high",
      sent.filter(({ last }) => last > high).map(({ last }) => last),
    ),
    ...(origin === first.first
      ? []
      : [`${symbol} begins at ${origin}, and the first trade that was sent is ${first.first}`]),
    ...gaps
      .filter(({ state }) => state !== "unfillable")
      .map(({ first, last, state }) => `${symbol}: ${first} to ${last} is still ${state}`),
    ...unfillable
      .filter(({ last, reason }) => floor === undefined || last >= floor || !reason.startsWith(NO_LONGER))
      .map(({ first, last, reason }) => `${symbol}: ${first} to ${last} is unfillable, and REST has it (${reason})`),
    ...some(
      symbol,
      "stored, and in a gap of the ledger",
      ids.filter((id) => gaps.some((gap) => gap.first <= id && id <= gap.last)),
    ),
    ...rows
      .filter((row, index) => row !== evidence.trade(ids[index] ?? 0))
      .slice(0, MOST)
      .map((row) => `${symbol}: the row ${row} should be ${evidence.trade(Number(row.split(" ")[0]))}`),
  ]
}

const NO_LONGER = "The exchange no longer serves it"

const some = (symbol: string, what: string, ids: ReadonlyArray<number>): ReadonlyArray<string> =>
  ids.length === 0
    ? []
    : [`${symbol}: ${ids.length} ids are ${what}: ${ids.slice(0, MOST).join(", ")}${ids.length > MOST ? ", …" : ""}`]

/** The ids of a range that are neither in the ascending list nor in a gap. */
const notIn = (range: Ids, ids: ReadonlyArray<number>, gaps: ReadonlyArray<Ids>): ReadonlyArray<number> => {
  const stored = new Set(ids)
  const missing: Array<number> = []
  for (let id = range.first; id <= range.last && missing.length < 1_000_000; id++) {
    if (!stored.has(id) && !gaps.some(({ first, last }) => first <= id && id <= last)) missing.push(id)
  }
  return missing
}
