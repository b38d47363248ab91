import { Effect, Layer } from "effect"
import { RestError } from "./RestError.ts"
import { TradeHistory } from "./TradeHistory.ts"

const unknownHost = new RestError({
  host: "The exchange's REST host",
  status: undefined,
  detail: "none is known for BINANCE_WS_URL; set BINANCE_REST_URL",
})

/** The history of an exchange whose REST host is not known: nothing of the past can be had. */
export const layer = Layer.succeed(TradeHistory, {
  page: () => Effect.fail(unknownHost),
  newest: () => Effect.fail(unknownHost),
})
