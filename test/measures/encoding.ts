import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Console, Effect, Result } from "effect"
import { readMessage } from "../../src/feed/binance/BinanceMessage.ts"
import { TradeFrameReader } from "../../src/feed/binance/TradeFrameReader.ts"
import { ArrayColumn, arrayColumns } from "../../src/store/ArrayColumn.ts"
import { tradeFrame } from "../fixtures/FakeExchange.ts"
import { tradeOf } from "../fixtures/trades.ts"

const TRADES = 1_000
const ROUNDS = 400

const frames = Array.from({ length: TRADES }, (_, n) =>
  Buffer.from(tradeFrame(6_733_597_950 + n, { p: `${84_598 + (n % 100)}.05000000` })),
)
const trades = Array.from({ length: TRADES }, (_, n) =>
  tradeOf(6_733_597_950 + n, { price: `${84_598 + (n % 100)}.05000000` }),
)
const reader = new TradeFrameReader(["BTCUSDT", "ETHUSDT"])
const types = arrayColumns()

const byLibrary = (): void => {
  const column = (type: "int8" | "text" | "numeric", values: ReadonlyArray<unknown>) =>
    Result.getOrThrow(PgTypes.encodeParameter(Result.getOrThrow(PgTypes.array(values, PgTypes.OID[type]))))
  column("text", trades.map(({ symbol }) => symbol)) // prettier-ignore
  column("int8", trades.map(({ id }) => BigInt(id))) // prettier-ignore
  column("int8", trades.map(({ time }) => BigInt(time))) // prettier-ignore
  column("numeric", trades.map(({ price }) => price)) // prettier-ignore
  column("numeric", trades.map(({ quantity }) => quantity)) // prettier-ignore
  column("text", trades.map(({ side }) => side)) // prettier-ignore
}

const inOnePass = (): void => {
  const symbols = ArrayColumn.text(TRADES, 7)
  const ids = ArrayColumn.int8(TRADES)
  const times = ArrayColumn.int8(TRADES)
  const prices = ArrayColumn.numeric(TRADES)
  const quantities = ArrayColumn.numeric(TRADES)
  const sides = ArrayColumn.text(TRADES, 4)
  for (const trade of trades) {
    symbols.addText(trade.symbol)
    ids.addInteger(trade.id)
    times.addInteger(trade.time)
    prices.addDecimal(trade.price)
    quantities.addDecimal(trade.quantity)
    sides.addText(trade.side)
  }
  for (const column of [symbols, ids, times, prices, quantities, sides])
    PgTypes.encodeParameter(column.parameter(), types)
}

const ways: ReadonlyArray<readonly [what: string, work: () => void]> = [
  ["JSON.parse of a frame", () => frames.forEach((frame) => JSON.parse(frame.toString()))],
  ["a frame by the schema", () => frames.forEach((frame) => readMessage(frame.toString(), 0))],
  ["a frame by TradeFrameReader", () => frames.forEach((frame) => reader.read(frame, 0))],
  ["the columns of a trade by the library", byLibrary],
  ["the columns of a trade by ArrayColumn", inOnePass],
]

/** What a trade costs where it is read and where it is written, in ns of CPU, once the code is compiled. */
export const encoding = Effect.forEach(
  ways,
  ([what, work]) =>
    Effect.suspend(() => {
      for (let round = 0; round < ROUNDS; round++) work()
      const before = process.cpuUsage()
      for (let round = 0; round < ROUNDS; round++) work()
      const { system, user } = process.cpuUsage(before)
      return Console.log(`${what}: ${Math.round(((system + user) * 1_000) / ROUNDS / TRADES)} ns`)
    }),
  { discard: true },
)
