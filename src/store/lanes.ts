import type { Trade } from "../market/Trade.ts"

/** The symbols one after the other, each with its trades in the order of their ids. */
export const bySymbol = (batch: ReadonlyArray<Trade>): ReadonlyArray<Trade> => {
  const groups = new Map<string, Array<Trade>>()
  for (const trade of batch) {
    const group = groups.get(trade.symbol)
    if (group === undefined) groups.set(trade.symbol, [trade])
    else group.push(trade)
  }
  return [...groups.values()].flatMap((group) => group.sort((a, b) => a.id - b.id))
}

/** More trades than this are committed over two connections: one process of the server would be what everything waits for. */
const MOST_IN_A_LANE = 1_000

/** What one transaction commits. */
export type Lane = ReadonlyArray<Trade>

/**
 * The trades, which come symbol by symbol. When they are many, two parts that are about as large and have no symbol in common, so that
 * neither waits for the other.
 */
export const lanesOf = (trades: Lane): readonly [one: Lane, other?: Lane] => {
  if (trades.length <= MOST_IN_A_LANE) return [trades]
  const middle = trades.length >> 1
  const isFirst = (at: number) => trades[at]?.symbol !== trades[at - 1]?.symbol
  let distance = 0
  while (!isFirst(middle - distance) && !isFirst(middle + distance)) distance++
  const cut = isFirst(middle - distance) ? middle - distance : middle + distance
  return cut <= 0 || cut >= trades.length ? [trades] : [trades.slice(0, cut), trades.slice(cut)]
}
