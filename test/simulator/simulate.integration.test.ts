import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { request } from "../fixtures/service/request.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"

describe("simulate", () => {
  it.live("takes faults as JSON, tells what they did and whom they met, and has the true trades", () =>
    Effect.gen(function* () {
      const faults = [
        { kind: "restFloor", ids: 10 },
        { kind: "restEmpty", for: "1 minute" },
        { kind: "stall", symbol: "BTCUSDT" },
      ]
      const exchange = yield* startExchange("--symbols=BTCUSDT", `--faults=${JSON.stringify(faults)}`)
      const { happened } = (yield* eventually("the faults", exchange.state, (state) => state.faults.pending === 0))
        .faults
      const floors: unknown = happened[0]?.detail["floors"]
      assert(typeof floors === "object" && floors !== null && "BTCUSDT" in floors)
      const floor = Number(floors.BTCUSDT)
      const trades = `${exchange.restUrl}/api/v3/historicalTrades?symbol=BTCUSDT&fromId=${floor - 1}`
      assert.strictEqual((yield* request(trades)).text, "[]")
      const { counts, met } = (yield* exchange.state).faults
      assert.deepStrictEqual(counts, { restFloor: 1, restEmpty: 1, stall: 1 })
      assert.deepStrictEqual(met, { restFloor: 0, restEmpty: 1, stall: 0 })
      const ids = (yield* exchange.trades("BTCUSDT", floor - 1, floor + 1)).map(({ id }) => id)
      assert.deepStrictEqual(ids, [floor - 1, floor, floor + 1])
    }).pipe(Effect.scoped),
  )

  it.live("announces the request weight that it is told, and grants as much", () =>
    Effect.gen(function* () {
      const weightOf = Effect.fnUntraced(function* (...flags: ReadonlyArray<string>) {
        const { restUrl } = yield* startExchange("--symbols=BTCUSDT", ...flags)
        const [, limit] = /"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":(\d+)/.exec(
          (yield* request(`${restUrl}/api/v3/exchangeInfo`)).text,
        ) ?? ["", ""]
        const { status } = yield* request(`${restUrl}/api/v3/historicalTrades?symbol=BTCUSDT&limit=1`)
        return { limit, status }
      })
      assert.deepStrictEqual(yield* weightOf(), { limit: "6000", status: 200 })
      assert.deepStrictEqual(yield* weightOf("--request-weight=30"), { limit: "30", status: 429 })
      assert.deepStrictEqual(yield* weightOf("--request-weight=1000000000"), { limit: "1000000000", status: 200 })
    }).pipe(Effect.scoped),
  )
})
