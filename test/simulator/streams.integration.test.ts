import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Simulator, type SimulatorOptions } from "../../src/simulator/Simulator.ts"
import { connect, consecutive, idsIn, request, tradesIn, until } from "./TestClient.ts"

const simulated = <A, E>(
  options: SimulatorOptions,
  test: (simulator: (typeof Simulator)["Service"]) => Effect.Effect<A, E, Scope.Scope>,
) => Effect.flatMap(Simulator, test).pipe(Effect.provide(Simulator.layer(options)))

const base = (wsUrl: string) => wsUrl.replace(/\/ws$/, "")
const micros = (time: unknown) => typeof time === "number" && time > 1e15
const strip = (frames: ReadonlyArray<string>) => frames.filter((frame) => !frame.includes(`"e":`))

describe("streams", () => {
  it.live("frames raw on /ws and combined on /stream, times in ms unless asked otherwise", () =>
    simulated({ rate: 2_000 }, ({ wsUrl }) =>
      Effect.gen(function* () {
        const raw = yield* connect(`${wsUrl}/btcusdt@trade/ethusdt@trade`)
        const rawMicros = yield* connect(`${wsUrl}/btcusdt@trade?timeUnit=MICROSECOND`)
        const combined = yield* connect(`${base(wsUrl)}/stream?streams=btcusdt@trade/ethusdt@trade`)
        const combinedMicros = yield* connect(`${base(wsUrl)}/stream?timeUnit=microsecond&streams=btcusdt%40trade`)
        const all = [raw, rawMicros, combined, combinedMicros]
        yield* until("frames on all", () => all.every(({ frames }) => frames.length > 300))
        assert.isTrue(raw.frames.every((frame) => frame.startsWith(`{"e":"trade","E":1`)))
        assert.isTrue(combined.frames.every((frame) => /^\{"stream":"(btc|eth)usdt@trade","data":\{"e"/.test(frame)))
        assert.isTrue(tradesIn(raw.frames).every(({ E, T }) => !micros(E) && !micros(T)))
        assert.isTrue(tradesIn(rawMicros.frames).every(({ E, T }) => micros(E) && micros(T)))
        assert.isTrue(tradesIn(combinedMicros.frames).every(({ E, T }) => micros(E) && micros(T)))
        for (const { frames } of all) {
          const ids = idsIn(frames, "BTCUSDT")
          assert.deepStrictEqual(ids, consecutive(ids[0] ?? 0, ids.length))
        }
        const byId = new Map(tradesIn(rawMicros.frames).map((trade) => [trade["t"], trade]))
        const both = tradesIn(combined.frames).filter(({ s, t }) => s === "BTCUSDT" && byId.has(t))
        assert.isAbove(both.length, 50)
        for (const { E, T, p, q, t } of both) {
          const other = byId.get(t)
          assert.deepStrictEqual(
            [p, q, E, T],
            [
              other?.["p"],
              other?.["q"],
              Math.floor(Number(other?.["E"]) / 1000),
              Math.floor(Number(other?.["T"]) / 1000),
            ],
          )
        }
      }),
    ),
  )

  it.live("answers every control request, never wrapped, and does what it says", () =>
    simulated({ rate: 1_000 }, ({ wsUrl }) =>
      Effect.gen(function* () {
        const client = yield* connect(`${base(wsUrl)}/stream`)
        const answered = (count: number) =>
          until(`${count} answers`, () => strip(client.frames).length === count).pipe(
            Effect.map(() => strip(client.frames).at(-1)),
          )
        const params = ["btcusdt@trade", "nosuchusdt@trade", "BTCUSDT@trade"]
        yield* client.send({ method: "SUBSCRIBE", params, id: 7 })
        assert.strictEqual(yield* answered(1), `{"result":null,"id":7}`)
        yield* until("trades", () => client.frames.length > 100)
        assert.isTrue(idsIn(client.frames, "BTCUSDT").length >= 99)
        yield* client.send({ method: "LIST_SUBSCRIPTIONS", id: "l8" })
        assert.strictEqual(yield* answered(2), `{"result":${JSON.stringify(params)},"id":"l8"}`)
        yield* client.send({ method: "SET_PROPERTY", params: ["combined", false], id: null })
        assert.strictEqual(yield* answered(3), `{"result":null,"id":null}`)
        const length = client.frames.length
        yield* until("more", () => client.frames.length > length + 100)
        assert.isTrue(client.frames.slice(length).every((frame) => frame.startsWith(`{"e"`)))
        yield* client.send({ method: "GET_PROPERTY", params: ["combined"], id: 11 })
        assert.strictEqual(yield* answered(4), `{"result":false,"id":11}`)
        yield* client.send({ method: "UNSUBSCRIBE", params: ["btcusdt@trade", "neverusdt@trade"], id: 12 })
        assert.strictEqual(yield* answered(5), `{"result":null,"id":12}`)
        const silent = client.frames.length
        yield* Effect.sleep("300 millis")
        assert.strictEqual(client.frames.length, silent)
        const other = yield* connect(wsUrl)
        yield* other.send("{nonsense")
        yield* other.send({ method: "SET_PROPERTY", params: ["x", 1], id: 3 })
        yield* until("errors", () => other.frames.length === 2)
        assert.deepStrictEqual(other.frames, [
          `{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}`,
          `{"code":0,"msg":"Unknown property","id":3}`,
        ])
      }),
    ),
  )

  it.live("serves a symbol that is not ASCII, encoded in the URL or not, and knows it everywhere by that name", () =>
    simulated({ rate: 500, symbols: ["币安人生USDT"] }, ({ restUrl, sent, wsUrl }) =>
      Effect.gen(function* () {
        const encoded = yield* connect(`${wsUrl}/${encodeURIComponent("币安人生usdt@trade")}`)
        const subscribed = yield* connect(`${base(wsUrl)}/stream`)
        yield* subscribed.send({ method: "SUBSCRIBE", params: ["币安人生usdt@trade"], id: 1 })
        yield* until("trades", () => [encoded, subscribed].every(({ frames }) => frames.length > 50))
        assert.isAbove(idsIn(encoded.frames, "币安人生USDT").length, 50)
        assert.include(subscribed.frames[1], `{"stream":"币安人生usdt@trade","data":{"e":"trade"`)
        const [first] = tradesIn(encoded.frames)
        const found = yield* request(
          `${restUrl}/api/v3/historicalTrades?symbol=${encodeURIComponent("币安人生USDT")}&fromId=${String(first?.["t"])}&limit=1`,
        )
        assert(Array.isArray(found.json))
        assert.deepInclude(found.json[0], { id: first?.["t"], price: first?.["p"], qty: first?.["q"] })
        assert.hasAllKeys(yield* sent, ["币安人生USDT"])
      }),
    ),
  )

  it.live("sends exactly the count from the first subscription on, and says so", () =>
    simulated({ rate: 3_000, count: 700, symbols: ["BTCUSDT", "ETHUSDT"] }, ({ restUrl, wsUrl }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("300 millis")
        const client = yield* connect(`${wsUrl}/btcusdt@trade/ethusdt@trade`)
        yield* until("all", () => client.frames.length >= 1_400)
        yield* Effect.sleep("200 millis")
        assert.strictEqual(client.frames.length, 1_400)
        const { json } = yield* request(`${restUrl}/simulator/sent`)
        const expected = Object.fromEntries(
          ["BTCUSDT", "ETHUSDT"].map((symbol) => {
            const first = idsIn(client.frames, symbol)[0] ?? 0
            const last = first + 699
            return [symbol, { firstId: first, lastId: last, count: 700, ranges: [{ first, last }] }]
          }),
        )
        assert.deepStrictEqual(json, expected)
        const newest = yield* request(`${restUrl}/api/v3/trades?symbol=BTCUSDT&limit=1`)
        assert.include(newest.text, `"id":${idsIn(client.frames, "BTCUSDT").at(-1)},`)
      }),
    ),
  )

  it.live("pauses for a client that does not read, in bounded memory, and then sends all of it in order", () =>
    simulated({ rate: 60_000, symbols: ["BTCUSDT"] }, ({ state, wsUrl }) =>
      Effect.gen(function* () {
        const slow = yield* connect(`${wsUrl}/btcusdt@trade`)
        slow.ws.pause()
        yield* until("socket full", () => slow.frames.length >= 0)
        yield* Effect.sleep("1500 millis")
        const { connections } = yield* state
        assert.isAbove(connections[0]?.unsentBytes ?? 0, 0)
        assert.isBelow(connections[0]?.unsentBytes ?? 0, 400_000)
        slow.ws.resume()
        yield* until("caught up", () => slow.frames.length > 90_000)
        const ids = idsIn(slow.frames, "BTCUSDT")
        assert.deepStrictEqual(ids, consecutive(ids[0] ?? 0, ids.length))
      }),
    ),
  )
})

describe("limits", () => {
  it.live("closes 1008 on the sixth message within a second, pings and pongs counted", () =>
    simulated({}, ({ wsUrl }) =>
      Effect.gen(function* () {
        const client = yield* connect(wsUrl)
        client.ws.ping()
        client.ws.pong()
        yield* Effect.forEach([1, 2, 3], (id) => client.send({ method: "LIST_SUBSCRIPTIONS", id }))
        yield* until("three answers", () => client.frames.length === 3)
        assert.strictEqual(client.closed(), undefined)
        yield* client.send({ method: "LIST_SUBSCRIPTIONS", id: 4 })
        yield* until("closed", () => client.closed() !== undefined)
        assert.deepStrictEqual(client.closed(), [1008, "Too many requests"])
      }),
    ),
  )

  it.live("refuses more than 1,024 streams with the nested error, then closes", () =>
    simulated({}, ({ wsUrl }) =>
      Effect.gen(function* () {
        const client = yield* connect(wsUrl)
        const params = Array.from({ length: 1_024 }, (_, index) => `s${index}usdt@trade`)
        yield* client.send({ method: "SUBSCRIBE", params, id: 1 })
        yield* client.send({ method: "SUBSCRIBE", params: ["s0usdt@trade"], id: 2 })
        yield* client.send({ method: "SUBSCRIBE", params: ["onemoreusdt@trade"], id: 19 })
        yield* until("closed", () => client.closed() !== undefined)
        assert.deepStrictEqual(client.frames, [
          `{"result":null,"id":1}`,
          `{"result":null,"id":2}`,
          `{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}`,
        ])
        assert.deepStrictEqual(client.closed(), [1008, "Invalid request"])
      }),
    ),
  )

  it.live("pings, and closes 1008 who does not answer with the same payload", () =>
    simulated({ limits: { pingInterval: 50, pongTimeout: 800, messagesPerSecond: 100 } }, ({ wsUrl }) =>
      Effect.gen(function* () {
        const deaf = yield* connect(wsUrl, { autoPong: false })
        const answering = yield* connect(`${wsUrl}`, { autoPong: false })
        answering.ws.on("ping", (payload: Buffer) => {
          if (answering.pings.length % 4 === 0) {
            answering.ws.pong(payload)
          }
        })
        deaf.ws.on("ping", () => deaf.ws.pong())
        yield* until("cut", () => deaf.closed() !== undefined)
        assert.deepStrictEqual(deaf.closed(), [1008, "Pong timeout"])
        assert.isAtLeast(deaf.pings.length, 3)
        yield* until("pings", () => answering.pings.length > 24)
        assert.strictEqual(answering.closed(), undefined)
      }),
    ),
  )

  it.live("ends a connection at its lifetime, and refuses handshakes past the allowed attempts", () =>
    simulated({ limits: { lifetime: 300, connectionAttempts: 2 } }, ({ wsUrl }) =>
      Effect.gen(function* () {
        const client = yield* connect(wsUrl)
        assert.strictEqual(yield* Effect.flip(connect(wsUrl.replace(/ws$/, "nosuch"))), 404)
        yield* connect(wsUrl)
        assert.strictEqual(yield* Effect.flip(connect(wsUrl)), 429)
        yield* until("closed", () => client.closed() !== undefined)
        assert.strictEqual(client.closed()?.[0], 1001)
      }),
    ),
  )
})
