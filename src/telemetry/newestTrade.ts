import type { Context } from "effect"
import * as Gauges from "./Gauges.ts"

/** Shows the newest committed trade of a symbol, unless a newer one is shown already. `time` is in seconds since the epoch. */
export const showNewest = (symbol: string, id: number, time: number, context: Context.Context<never>): void => {
  const lastId = Gauges.symbolLastId(symbol)
  const lastTime = Gauges.symbolLastTrade(symbol)
  const isKnown = lastTime.valueUnsafe(context).value > 0
  if (isKnown && id <= lastId.valueUnsafe(context).value) return
  lastId.updateUnsafe(id, context)
  lastTime.updateUnsafe(time, context)
}
