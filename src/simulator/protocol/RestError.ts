/** A refusal with the body and status that the exchange documents for it. */
export interface RestError {
  readonly status: number
  readonly code: number
  readonly msg: string
}

const badRequest = (code: number, msg: string): RestError => ({ status: 400, code, msg })

export const missingParameter = (name: string): RestError =>
  badRequest(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`)

export const illegalCharacters = (name: string, range: string): RestError =>
  badRequest(-1100, `Illegal characters found in parameter '${name}'; legal range is '${range}'.`)

export const invalidParameter = (name: string): RestError =>
  badRequest(-1130, `Data sent for parameter '${name}' is not valid.`)

export const invalidSymbol: RestError = badRequest(-1121, "Invalid symbol.")

export const invalidCombination: RestError = badRequest(-1128, "Combination of optional parameters invalid.")
