import { crc32 } from "node:zlib"
import type { Trade } from "../../market/Trade.ts"
import { ByteReader } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"

/** The first byte of an entry; another format takes the next number. */
const VERSION = 1

const SELL = 1
const HAS_BUYER = 2
const HAS_SELLER = 4

/** Two clocks of one process: when it began tells it from others, and the difference translates between them. */
export interface Clocks {
  /** `performance.timeOrigin` */
  readonly origin: number
  /** The wall clock less the monotonic one, in milliseconds. */
  readonly ahead: number
  /** The monotonic clock, in milliseconds. */
  readonly now: number
}

export const clocks = (): Clocks => {
  const now = performance.now()
  return { origin: performance.timeOrigin, ahead: Date.now() - now, now }
}

/**
 * A batch as bytes: version, checksum, then what all its trades share, then the trades. Ids and times count from the lowest of the
 * batch, receipt times from the earliest, in whole microseconds. The batch has at least one trade.
 */
export const encodeEntry = (batch: ReadonlyArray<Trade>, { ahead, origin }: Clocks): Buffer => {
  const lowestIds = new Map<string, number>()
  let [time, receivedAt, capacity] = [Infinity, Infinity, 64]
  for (const trade of batch) {
    const lowest = lowestIds.get(trade.symbol)
    if (lowest === undefined) capacity += 16 + 3 * trade.symbol.length
    if (lowest === undefined || trade.id < lowest) lowestIds.set(trade.symbol, trade.id)
    time = Math.min(time, trade.time)
    receivedAt = Math.min(receivedAt, trade.receivedAt)
    capacity += 64 + 3 * (trade.price.length + trade.quantity.length)
  }
  const writer = new ByteWriter(capacity)
  writer.byte(VERSION)
  for (let i = 0; i < 4; i++) writer.byte(0)
  writer.integer(batch.length)
  writer.float(receivedAt)
  writer.float(origin)
  writer.float(ahead)
  writer.integer(time)
  writer.integer(lowestIds.size)
  const symbols = new Map<string, number>()
  for (const [symbol, lowest] of lowestIds) {
    symbols.set(symbol, symbols.size)
    writer.text(symbol)
    writer.integer(lowest)
  }
  for (const trade of batch) {
    writer.integer(symbols.get(trade.symbol) ?? 0)
    writer.byte(
      (trade.side === "SELL" ? SELL : 0) +
        (trade.buyerOrderId === null ? 0 : HAS_BUYER) +
        (trade.sellerOrderId === null ? 0 : HAS_SELLER),
    )
    writer.integer(trade.id - (lowestIds.get(trade.symbol) ?? 0))
    writer.integer(trade.time - time)
    writer.integer(Math.round((trade.receivedAt - receivedAt) * 1000))
    writer.text(trade.price)
    writer.text(trade.quantity)
    if (trade.buyerOrderId !== null) writer.integer(trade.buyerOrderId)
    if (trade.sellerOrderId !== null) writer.integer(trade.sellerOrderId)
  }
  const bytes = writer.written()
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1)
  return bytes
}

/** What an entry says before its trades; `receivedAt` is that of the earliest, on this process's clock. Throws when it is damaged. */
export const readHeader = (bytes: Buffer, clocks: Clocks): { readonly trades: number; readonly receivedAt: number } =>
  header(checked(bytes), clocks)

/** The batch of an entry, with receipt times on this process's clock, never in its future. Throws when it is damaged. */
export const decodeEntry = (bytes: Buffer, clocks: Clocks): ReadonlyArray<Trade> => {
  const reader = checked(bytes)
  const { receivedAt, trades } = header(reader, clocks)
  const time = reader.integer()
  const symbols = Array.from({ length: reader.integer() }, () => ({ symbol: reader.text(), lowest: reader.integer() }))
  const batch = Array.from({ length: trades }, (): Trade => {
    const known = symbols[reader.integer()]
    if (known === undefined) throw new RangeError("a symbol is missing")
    const flags = reader.byte()
    return {
      symbol: known.symbol,
      id: known.lowest + reader.integer(),
      time: time + reader.integer(),
      receivedAt: Math.min(clocks.now, receivedAt + reader.integer() / 1000),
      price: reader.text(),
      quantity: reader.text(),
      side: flags & SELL ? "SELL" : "BUY",
      buyerOrderId: flags & HAS_BUYER ? reader.integer() : null,
      sellerOrderId: flags & HAS_SELLER ? reader.integer() : null,
    }
  })
  if (!reader.isAtEnd) throw new RangeError("something follows its last trade")
  return batch
}

const checked = (bytes: Buffer): ByteReader => {
  if (bytes.length > 0 && bytes[0] !== VERSION) throw new RangeError(`its format is ${bytes[0]}, not ${VERSION}`)
  if (bytes.length < 5 || crc32(bytes.subarray(5)) !== bytes.readUInt32LE(1))
    throw new RangeError("its checksum is wrong")
  return new ByteReader(bytes.subarray(5))
}

const header = (reader: ByteReader, { ahead, now, origin }: Clocks) => {
  const trades = reader.integer()
  const receivedAt = reader.float()
  const writtenBy = { origin: reader.float(), ahead: reader.float() }
  const here = writtenBy.origin === origin ? receivedAt : receivedAt + writtenBy.ahead - ahead
  return { trades, receivedAt: Math.min(now, here) }
}
