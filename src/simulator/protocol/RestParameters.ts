import { illegalCharacters, invalidParameter, invalidSymbol, missingParameter, type RestError } from "./RestError.ts"

/** Either a value or why the request is refused. */
export type Checked<A> = { readonly value: A } | { readonly refused: RestError }

const NUMBER_RANGE = "^[0-9]{1,20}$"
const SYMBOL_RANGE = "^[\\w\\-._&&[^a-z]]{1,50}$"

/** A whole number; undefined where it was not sent. */
export const integerParameter = (query: URLSearchParams, name: string): Checked<number | undefined> => {
  const text = query.get(name)
  if (text === null) {
    return { value: undefined }
  }
  if (text === "") {
    return { refused: { status: 400, code: -1105, msg: `Parameter '${name}' was empty.` } }
  }
  if (!/^\d{1,20}$/.test(text)) {
    return { refused: illegalCharacters(name, NUMBER_RANGE) }
  }
  const value = Number(text)
  return Number.isSafeInteger(value) ? { value } : { refused: invalidParameter(name) }
}

/** `limit`: 500 unless sent, at most 1,000 whatever was sent. */
export const limitParameter = (query: URLSearchParams): Checked<number> => {
  const limit = integerParameter(query, "limit")
  if ("refused" in limit) {
    return limit
  }
  return limit.value === 0 ? { refused: invalidParameter("limit") } : { value: Math.min(1000, limit.value ?? 500) }
}

/** A symbol as it is listed: no lower case, any script. */
export const legalSymbol = (symbol: string, name: string): Checked<string> =>
  /^[\p{L}\p{M}\p{N}_.-]{1,50}$/u.test(symbol) && !/[a-z]/.test(symbol)
    ? { value: symbol }
    : { refused: illegalCharacters(name, SYMBOL_RANGE) }

/** The mandatory `symbol`, looked up in what is listed. */
export const symbolParameter = <A>(query: URLSearchParams, listed: ReadonlyMap<string, A>): Checked<A> => {
  const text = query.get("symbol")
  if (text === null || text === "") {
    return { refused: missingParameter("symbol") }
  }
  const symbol = legalSymbol(text, "symbol")
  if ("refused" in symbol) {
    return symbol
  }
  const found = listed.get(symbol.value)
  return found === undefined ? { refused: invalidSymbol } : { value: found }
}
