import type { Trade } from "../market/Trade.ts"
import { bySymbol } from "../store/bySymbol.ts"

/** More trades than this are committed over two connections: one process of the server would be what everything waits for. */
const MOST_IN_A_LANE = 1_000

/** What one transaction commits. */
export type Lane = ReadonlyArray<Trade>

/** The batch; when it is large, in two parts that are about as large and have no symbol in common, so that neither waits for the other. */
export const lanesOf = (batch: Lane): readonly [one: Lane, other?: Lane] => {
  if (batch.length <= MOST_IN_A_LANE) return [batch]
  const trades = bySymbol(batch)
  const middle = trades.length >> 1
  for (let distance = 0; distance <= middle; distance++) {
    for (const cut of [middle - distance, middle + distance])
      if (beginsSymbol(trades, cut)) return [trades.slice(0, cut), trades.slice(cut)]
  }
  return [trades]
}

/** Whether another symbol begins there than the one before. */
const beginsSymbol = (trades: Lane, at: number): boolean =>
  at > 0 && at < trades.length && trades[at]?.symbol !== trades[at - 1]?.symbol
