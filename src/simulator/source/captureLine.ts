import { type SourceTrade } from "./MarketSource.ts"
import { unitsOfDecimal } from "./units.ts"

/** One recorded event of a stream. */
export interface RecordedEvent {
  readonly stream: string
  /** When it was received, µs since the epoch. */
  readonly received: number
  /** The JSON of the event, as recorded, as a binary string. */
  readonly json: string
}

/**
 * Reads `<receive time, ns since the epoch> <a combined-stream frame>`; undefined for a line that holds no event, such as
 * the body of a REST answer.
 */
export const parseCaptureLine = (line: string): RecordedEvent | undefined => {
  const match = /^(\d{16,19})\d{3} \{"stream":"([^"]+)","data":/.exec(line)
  if (match === null || match[1] === undefined || match[2] === undefined) {
    return undefined
  }
  const stream = Buffer.from(match[2], "latin1").toString("utf8")
  const json = line.slice(match[0].length, line.lastIndexOf("}"))
  return { stream, received: Number(match[1]), json }
}

/** The same event with its times in µs or in ms, whichever it was recorded in; ms are µs cut. */
export const inTimeUnit = (json: string, micros: boolean): string =>
  json.replace(/"([ET])":(\d{13})(\d{3})?(?=[,}])/g, (_, key: string, millis: string, rest?: string) =>
    micros ? `"${key}":${millis}${rest ?? "000"}` : `"${key}":${millis}`,
  )

/** The trade in a recorded `trade` event; undefined where it is none. */
export const recordedTrade = (json: string): SourceTrade | undefined => {
  const event: unknown = JSON.parse(inTimeUnit(json, true))
  if (typeof event !== "object" || event === null) {
    return undefined
  }
  const { T, m, p, q, t }: Readonly<Partial<Record<string, unknown>>> = { ...event }
  if (typeof T !== "number" || typeof t !== "number" || typeof p !== "string" || typeof q !== "string") {
    return undefined
  }
  const price = unitsOfDecimal(p)
  const quantity = unitsOfDecimal(q)
  return price === undefined || quantity === undefined
    ? undefined
    : { id: t, price, quantity, time: T, buyerIsMaker: m === true }
}

/** The symbol that a recorded event names, and its trade id; each where it has one. */
export const recordedIdentity = (json: string): { readonly symbol: string; readonly id: number } | undefined => {
  const id = /"t":(\d+)/.exec(json)?.[1]
  const symbol = /"s":"([^"]+)"/.exec(json)?.[1]
  return id === undefined || symbol === undefined
    ? undefined
    : { symbol: Buffer.from(symbol, "latin1").toString("utf8"), id: Number(id) }
}
