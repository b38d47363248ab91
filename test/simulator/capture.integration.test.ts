import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { connect, request, tradesIn, until } from "./TestClient.ts"

const folder = join(process.env["CAPTURE_DIR"] ?? "../shared/data", "binance-ws")
const files = ["btcusdt_20240808.gz", "ethusdt_20240808.gz"].map((name) => join(folder, name))
const present = files.every((file) => existsSync(file))

const recorded = (file: string): ReadonlyArray<string> =>
  gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .flatMap((line) => (line.includes(`"stream"`) ? [line.slice(line.indexOf(" ") + 1)] : []))

describe.skipIf(!present)(`capture (skipped where ${folder} has no recorded frames)`, () => {
  it.live("sends every frame of the subscribed streams as it was recorded, and nothing else", () =>
    Effect.gen(function* () {
      const { sent, wsUrl } = yield* Simulator
      const client = yield* connect(
        `${wsUrl.replace(/ws$/, "stream")}?streams=btcusdt@trade/ethusdt@trade/btcusdt@depth@100ms`,
      )
      const [btc = [], eth = []] = files.map(recorded)
      const wanted = (stream: string, frames: ReadonlyArray<string>) =>
        frames.filter((frame) => frame.startsWith(`{"stream":"${stream}"`))
      const expected = [
        ["btcusdt@trade", wanted("btcusdt@trade", btc)],
        ["btcusdt@depth@100ms", wanted("btcusdt@depth@100ms", btc)],
        ["ethusdt@trade", wanted("ethusdt@trade", eth)],
      ] as const
      const total = expected.reduce((sum, [, frames]) => sum + frames.length, 0)
      yield* until("all frames", () => client.frames.length >= total)
      for (const [stream, frames] of expected) {
        assert.deepStrictEqual(wanted(stream, client.frames), frames)
      }
      assert.strictEqual(client.frames.length, total)
      const { BTCUSDT, ETHUSDT } = yield* sent
      assert.deepInclude(BTCUSDT, { firstId: 3_735_683_259, lastId: 3_735_693_015, count: 9_757 })
      assert.deepInclude(ETHUSDT, { firstId: 1_520_538_925, lastId: 1_520_545_030, count: 6_106 })
    }).pipe(Effect.provide(Simulator.layer({ captures: files, speed: 0 }))),
  )

  it.live("keeps the recorded pace, in µs when asked, and REST knows what was replayed so far", () =>
    Effect.gen(function* () {
      const { restUrl, wsUrl } = yield* Simulator
      const path = `${restUrl}/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000`
      assert.strictEqual((yield* request(path)).text, "[]")
      const client = yield* connect(`${wsUrl}/btcusdt@trade?timeUnit=MICROSECOND`)
      yield* Effect.sleep("1 second")
      const replayed = client.frames.length
      assert.isAbove(replayed, 500)
      assert.isBelow(replayed, 9_000)
      const [first] = tradesIn(client.frames)
      assert.strictEqual(
        client.frames[0],
        `{"e":"trade","E":1723161255343000,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342000,"m":true,"M":true}`,
      )
      const { json } = yield* request(`${path}&fromId=${String(first?.["t"])}`)
      assert(Array.isArray(json))
      assert.deepStrictEqual(json[0], {
        id: 3_735_683_259,
        price: "61837.63000000",
        qty: "0.02000000",
        quoteQty: "1236.75260000",
        time: 1_723_161_255_342,
        isBuyerMaker: true,
        isBestMatch: true,
      })
    }).pipe(Effect.provide(Simulator.layer({ captures: files, speed: 60 }))),
  )
})

describe("capture", () => {
  it.live("says which file cannot be read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.map(Simulator, ({ port }) => port),
          Simulator.layer({ captures: ["/no/such.gz"] }),
        ),
      )
      assert.match(error.message, /^The capture \/no\/such\.gz cannot be read/)
    }),
  )
})
