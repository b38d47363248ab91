import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { faulty, happen, met, type Running } from "./faulty.ts"
import { connect, consecutive, idsIn, request, type TestClient, tradesIn, until } from "./TestClient.ts"

const both = { symbols: ["BTCUSDT", "ETHUSDT"] }
const btc = ({ frames }: TestClient) => idsIn(frames, "BTCUSDT")
const eth = ({ frames }: TestClient) => idsIn(frames, "ETHUSDT")
const jumps = (ids: ReadonlyArray<number>) =>
  ids.slice(1).flatMap((id, index) => (id === (ids[index] ?? 0) + 1 ? [] : [{ after: ids[index] ?? 0, id }]))

/** Waits until so many more trades of ETHUSDT came: on the same connection nothing overtakes them. */
const moreEth = (client: TestClient, count: number) => {
  const before = eth(client).length
  return until(`${count} more of ETHUSDT`, () => eth(client).length >= before + count)
}

const tradeOf = ({ restUrl }: Running, symbol: string, id: number) =>
  Effect.map(
    request(`${restUrl}/api/v3/historicalTrades?symbol=${symbol}&fromId=${id}&limit=1`),
    ({ json }): Record<string, unknown> => {
      assert(Array.isArray(json))
      return json[0]
    },
  )

describe("stream faults", () => {
  it.live("stall: the connections of now lose a while of one symbol's trades, and nothing else", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade/ethusdt@trade/btcusdt@aggTrade`)
          const other = yield* connect(`${simulator.wsUrl}/ethusdt@trade`)
          yield* until("trades", () => btc(client).length > 50 && eth(other).length > 50)
          const [detail] = yield* happen(simulator, `[{"kind":"stall","symbol":"BTCUSDT","for":"400 millis"}]`)
          assert.deepStrictEqual(detail, { connections: [1], symbol: "BTCUSDT", for: 400 })
          const newcomer = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          yield* until("news", () => btc(newcomer).length > 50)
          assert.deepStrictEqual(jumps(btc(client)), [])
          yield* until("the rest", () => jumps(btc(client)).length > 0)
          yield* moreEth(client, 300)
          const [hole, ...more] = jumps(btc(client))
          assert.deepStrictEqual(more, [])
          assert(hole !== undefined)
          // 1,090 trades a second
          assert.isAbove(hole.id - hole.after, 200)
          assert.deepStrictEqual([jumps(eth(client)), jumps(eth(other)), jumps(btc(newcomer))], [[], [], []])
          const aggregates = client.frames.filter((frame) => frame.includes(`"e":"aggTrade"`))
          const aggregateIds = aggregates.map((frame) => Number(/"a":(\d+)/.exec(frame)?.[1]))
          assert.deepStrictEqual(jumps(aggregateIds), [])
          assert.strictEqual((yield* tradeOf(simulator, "BTCUSDT", hole.after + 1))["id"], hole.after + 1)
          assert.deepStrictEqual(yield* met(simulator), { stall: 1 })
        }),
      both,
    ),
  )

  it.live("stall without an end: only a fresh subscription gets the symbol again", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade/ethusdt@trade`)
          yield* until("trades", () => btc(client).length > 50)
          yield* happen(simulator, `[{"kind":"stall","symbol":"BTCUSDT"},{"kind":"jump","symbol":"BTCUSDT"}]`)
          yield* moreEth(client, 200)
          const length = btc(client).length
          yield* client.send({ method: "SUBSCRIBE", params: ["btcusdt@trade"], id: 1 })
          yield* moreEth(client, 500)
          assert.strictEqual(btc(client).length, length)
          yield* client.send({ method: "UNSUBSCRIBE", params: ["btcusdt@trade"], id: 2 })
          yield* client.send({ method: "SUBSCRIBE", params: ["btcusdt@trade"], id: 3 })
          yield* until("it again", () => btc(client).length > length + 100)
          assert.deepStrictEqual(jumps(btc(client).slice(length)), [])
          // a stream that stands still gets no invented trade either
          assert.deepStrictEqual(yield* met(simulator), { stall: 1, jump: 0 })
        }),
      both,
    ),
  )

  it.live("regress: a trade of now under an old id, that the exchange does not have", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const millis = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          const micros = yield* connect(
            `${simulator.wsUrl.replace(/ws$/, "stream")}?streams=ethusdt@trade/btcusdt@trade&timeUnit=MICROSECOND`,
          )
          const other = yield* connect(`${simulator.wsUrl}/ethusdt@trade`)
          const all = [millis, micros, other]
          yield* until("trades", () => all.every(({ frames }) => frames.length > 100))
          const details = yield* happen(
            simulator,
            `[{"kind":"regress","symbol":"BTCUSDT"},{"kind":"regress","ids":70},{"kind":"regress","connections":1}]`,
          )
          yield* until("more", () => all.every(({ frames }) => frames.length > 800))
          for (const [client, odd] of [
            [millis, details],
            [micros, details.slice(0, 2)],
          ] as const) {
            const trades = tradesIn(client.frames).filter(({ s }) => s === "BTCUSDT")
            const bogus = trades.flatMap((trade, index) => (trade["p"] === "1.00000000" ? [{ trade, index }] : []))
            assert.deepStrictEqual(
              bogus.map(({ trade }) => trade["t"]),
              odd.map(({ id }) => id),
            )
            for (const { index, trade } of bogus) {
              const before = trades.slice(0, index).filter(({ p }) => p !== "1.00000000")
              assert.isAbove(Number(trade["T"]), Math.max(...before.map(({ T }) => Number(T))))
              assert.isBelow(Number(trade["t"]), Number(before.at(-1)?.["t"]))
            }
            const real = trades.filter(({ p }) => p !== "1.00000000").map(({ t }) => Number(t))
            assert.deepStrictEqual(real, consecutive(real[0] ?? 0, real.length))
          }
          assert.deepStrictEqual(jumps(eth(other)), [])
          assert.deepStrictEqual(
            details.map(({ connections, ids, symbol }) => [connections, symbol, ids]),
            [
              [[1, 2], "BTCUSDT", 1_000],
              [[1, 2], "BTCUSDT", 70],
              [[1], "BTCUSDT", 1_000],
            ],
          )
          assert.notStrictEqual(
            (yield* tradeOf(simulator, "BTCUSDT", Number(details[0]?.["id"])))["price"],
            "1.00000000",
          )
          assert.deepStrictEqual(yield* met(simulator), { regress: 5 })
          assert.strictEqual((yield* simulator.sent)["BTCUSDT"]?.ranges.length, 1)
        }),
      both,
    ),
  )

  it.live("skip and repeat: what was withheld does not come again either", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
        yield* until("trades", () => btc(client).length > 100)
        const [skip] = yield* happen(simulator, `[{"kind":"skip","ids":200},{"kind":"repeat","ids":30}]`)
        const withheld = skip?.["withheld"]
        assert(Array.isArray(withheld))
        const { firstId, lastId } = withheld[0]
        yield* until("the gap", () => (btc(client).at(-1) ?? 0) > lastId)
        yield* happen(simulator, `[{"kind":"repeat","ids":100000}]`)
        yield* until("the start again", () => jumps(btc(client)).some(({ id }) => id === btc(client)[0]))
        const length = btc(client).length
        yield* until("all again", () => btc(client).length > length * 2)
        const ids = btc(client)
        assert.deepStrictEqual(
          ids.filter((id) => id >= firstId && id <= lastId),
          [],
        )
        const times = new Map<number, number>()
        ids.forEach((id) => times.set(id, (times.get(id) ?? 0) + 1))
        const thrice = [...times].flatMap(([id, count]) => (count === 3 ? [id] : []))
        assert.deepStrictEqual(thrice, consecutive(thrice[0] ?? 0, 30))
        assert.isBelow(thrice.at(-1) ?? 0, firstId)
        assert.strictEqual(ids.filter((id) => id === lastId + 1).length, 2)
        const sent = (yield* simulator.sent)["BTCUSDT"]
        assert.strictEqual(sent?.ranges.length, 2)
        assert.deepStrictEqual(yield* met(simulator), { skip: 200, repeat: 2 })
      }),
    ),
  )
})

describe("the tally of whom faults met", () => {
  it.live("knows that nobody was there", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const kinds = ["drop", "close", "serverShutdown", "malformed", "foreign", "jump", "regress"]
        yield* happen(
          simulator,
          `[${kinds.map((kind) => `{"kind":"${kind}"}`).join()},
            {"kind":"stall","symbol":"BTCUSDT"},{"kind":"silence","for":100},{"kind":"lifetime","after":"1 hour"},
            {"kind":"skip","ids":5},{"kind":"repeat","ids":5},{"kind":"reorder","ids":5},
            {"kind":"refuse","for":1},{"kind":"rest","for":1},{"kind":"restFloor","ids":5}]`,
        )
        const all = [
          ...kinds,
          "stall",
          "silence",
          "lifetime",
          "skip",
          "repeat",
          "reorder",
          "refuse",
          "rest",
          "restFloor",
        ]
        assert.deepStrictEqual(yield* met(simulator), Object.fromEntries(all.map((kind) => [kind, 0])))
      }),
    ),
  )

  it.live("counts connections by what they are subscribed to, trades that were withheld, and refused handshakes", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const one = yield* connect(`${simulator.wsUrl}/btcusdt@trade/ethusdt@trade`)
          const two = yield* connect(`${simulator.wsUrl}/ethusdt@trade`)
          const idle = yield* connect(simulator.wsUrl)
          yield* until("trades", () => btc(one).length > 50 && eth(two).length > 50)
          const details = yield* happen(
            simulator,
            `[{"kind":"malformed","variant":"notJson"},{"kind":"foreign","connections":1},{"kind":"serverShutdown"},
              {"kind":"jump","symbol":"ETHUSDT","ids":5000000},{"kind":"repeat","symbol":"BTCUSDT","ids":5},
              {"kind":"reorder","ids":5},{"kind":"silence","for":1}]`,
          )
          const { id } = details[3] ?? {}
          yield* until("the jump", () => [one, two].every((client) => eth(client).includes(Number(id))))
          assert.deepStrictEqual(details[3], { connections: [1, 2], symbol: "ETHUSDT", id, ids: 5_000_000 })
          yield* eventually("reordering", met(simulator), ({ reorder }) => reorder === 2)
          yield* happen(
            simulator,
            `[{"kind":"skip","symbol":"BTCUSDT","ids":40},{"kind":"skip","symbol":"ETHUSDT","ids":30}]`,
          )
          yield* eventually("the trades pass", met(simulator), ({ skip }) => skip === 70)
          yield* happen(simulator, `[{"kind":"drop","connections":1},{"kind":"refuse","for":"1 minute"}]`)
          yield* until("dropped", () => one.closed() !== undefined)
          assert.strictEqual(yield* Effect.flip(connect(simulator.wsUrl)), 503)
          assert.strictEqual(yield* Effect.flip(connect(simulator.wsUrl)), 503)
          yield* happen(simulator, `[{"kind":"refuse","for":1}]`)
          yield* happen(simulator, `[{"kind":"close","connections":1}]`)
          yield* until("closed", () => two.closed() !== undefined)
          yield* happen(simulator, `[{"kind":"lifetime","after":"100 millis"}]`)
          yield* until("aged", () => idle.closed() !== undefined)
          const last = yield* connect(simulator.wsUrl)
          yield* until("aged too", () => last.closed() !== undefined)
          assert.deepStrictEqual(yield* met(simulator), {
            malformed: 3,
            foreign: 1,
            serverShutdown: 3,
            jump: 2,
            repeat: 1,
            reorder: 2,
            silence: 3,
            skip: 70,
            drop: 1,
            refuse: 2,
            close: 1,
            lifetime: 2,
          })
        }),
      both,
    ),
  )
})
