import type { Trade } from "../market/Trade.ts"

/** The symbols one after the other, each with its trades in the order of their ids. */
export const bySymbol = (batch: ReadonlyArray<Trade>): ReadonlyArray<Trade> => {
  if (isBySymbol(batch)) return batch
  const groups = new Map<string, Array<Trade>>()
  for (const trade of batch) {
    const group = groups.get(trade.symbol)
    if (group === undefined) groups.set(trade.symbol, [trade])
    else group.push(trade)
  }
  return [...groups.values()].flatMap((group) => group.sort((a, b) => a.id - b.id))
}

const isBySymbol = (batch: ReadonlyArray<Trade>): boolean => {
  const before = new Set<string>()
  let last: Trade | undefined
  for (const trade of batch) {
    if (trade.symbol === last?.symbol) {
      if (trade.id < last.id) return false
    } else {
      if (before.has(trade.symbol)) return false
      before.add(trade.symbol)
    }
    last = trade
  }
  return true
}
