import type { Difference } from "../ingest/comparePage.ts"
import type { SymbolComparison } from "../ingest/SymbolComparison.ts"
import { countIds } from "../market/IdRange.ts"
import type { Trade } from "../market/Trade.ts"
import type { StoredTrade } from "../store/storedPage.ts"
import { listed, listedRanges } from "./listed.ts"

/** What a person should read of the comparison of a symbol with the host. */
export const describeComparison = (comparison: SymbolComparison, host: string): string => {
  const { compared, cutTimes, differing, failure, limitation, lost, pages, samples, symbol, unknown } = comparison
  return [
    `${symbol} against ${host}: ${compared} trades of ${pages === samples ? pages : `${pages} of ${samples}`} pages compared, ` +
      `${compared - differing.count} equal` +
      (cutTimes === 0 ? "" : `, ${cutTimes} times are cut to milliseconds`),
    ...listed(
      differing.shown.map((difference) => `differs ${difference.told.id}: ${fieldsOf(difference)}`),
      differing.count,
    ),
    ...listed(
      unknown.shown.map(
        (stored) => `unknown ${stored.id}: stored as ${valuesOf(stored)}; the exchange has no such trade`,
      ),
      unknown.count,
    ),
    ...listed(
      lost.shown.map((told) => `lost ${told.id}: not stored; the exchange has ${valuesOf(told)}`),
      lost.count,
    ),
    ...listedRanges("could be had after all", comparison.obtainable, ({ reason }) => `given up as: ${reason}`),
    ...listedRanges("not served any more", comparison.gone),
    ...listedRanges("not served yet", comparison.pending),
    ...(limitation === undefined
      ? []
      : [`  ${countIds(comparison.limited)} of the sampled ids not served: ${limitation}`]),
    ...(failure === undefined ? [] : [`  stopped: ${sentenceOf(failure, symbol)}`]),
  ].join("\n")
}

/** Why the exchange could not be asked. */
export const sentenceOf = (failure: NonNullable<SymbolComparison["failure"]>, symbol: string): string =>
  failure.reason === "UnknownSymbol" ? `The exchange does not list ${symbol}.` : failure.message

const fieldsOf = ({ fields, stored, told }: Difference): string =>
  fields
    .map((field) =>
      field === "time"
        ? `time ${timeOf(stored.time)} is stored, the exchange says ${timeOf(told.time)}`
        : `${field} ${stored[field]} is stored, the exchange says ${told[field]}`,
    )
    .join("; ")

const valuesOf = ({ price, quantity, side, time }: StoredTrade | Trade): string =>
  `price ${price}, quantity ${quantity}, ${side} at ${timeOf(time)}`

/** ISO 8601 to the microsecond. */
const timeOf = (micros: number): string =>
  new Date(Math.floor(micros / 1000)).toISOString().replace("Z", `${String(micros % 1000).padStart(3, "0")}Z`)
