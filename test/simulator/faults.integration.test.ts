import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFaults } from "../../src/simulator/faults/readFaults.ts"
import { faulty, type Running } from "./faulty.ts"
import { connect, consecutive, idsIn, request, type TestClient, tradesIn, until } from "./TestClient.ts"

const btc = ({ frames }: TestClient) => idsIn(frames, "BTCUSDT")
const counts = ({ state }: Running) => Effect.map(state, ({ faults }) => faults.counts)
const steps = (ids: ReadonlyArray<number>) => ids.slice(1).map((id, index) => id - (ids[index] ?? 0))
const jumps = (ids: ReadonlyArray<number>) => steps(ids).filter((step) => step !== 1)

describe("faults", () => {
  it.live("drops: orderly after what was sent, in the middle of a frame, or by a reset", () =>
    faulty(`[{"kind":"drop","afterTrades":200}]`, (simulator) =>
      Effect.gen(function* () {
        const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
        yield* until("closed", () => client.closed() !== undefined)
        assert.strictEqual(client.closed()?.[0], 1006)
        const ids = btc(client)
        assert.deepStrictEqual(ids, consecutive(ids[0] ?? 0, ids.length))
        assert.strictEqual((yield* simulator.sent)["BTCUSDT"]?.count, ids.length)
        for (const how of [`"midFrame":true`, `"reset":true`]) {
          const next = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          yield* until("trades", () => next.frames.length > 10)
          yield* simulator.inject(readFaults(`[{"kind":"drop",${how}}]`))
          yield* until("closed", () => next.closed() !== undefined)
          assert.strictEqual(next.closed()?.[0], 1006)
        }
        assert.deepStrictEqual(yield* counts(simulator), { drop: 3 })
      }),
    ),
  )

  it.live("closes with a code and a reason, only as many connections as named", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const older = yield* connect(simulator.wsUrl)
        const newer = yield* connect(simulator.wsUrl)
        yield* simulator.inject(readFaults(`[{"kind":"close","code":1012,"reason":"upgrade","connections":1}]`))
        yield* until("closed", () => older.closed() !== undefined)
        assert.deepStrictEqual(older.closed(), [1012, "upgrade"])
        assert.strictEqual(newer.closed(), undefined)
      }),
    ),
  )

  it.live("skips ids on every connection, and REST has them", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const one = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
        const two = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
        yield* until("trades on both", () => [one, two].every((client) => btc(client).length > 100))
        yield* simulator.inject(readFaults(`[{"kind":"skip","ids":37}]`))
        yield* until("gap passed", () => [one, two].every((client) => jumps(btc(client)).length > 0))
        assert.deepStrictEqual(jumps(btc(one)), [38])
        assert.deepStrictEqual(jumps(btc(two)), [38])
        const { faults } = yield* simulator.state
        const detail = faults.happened[0]?.detail["withheld"]
        assert(Array.isArray(detail))
        const { firstId } = detail[0]
        const ids = btc(one)
        assert.strictEqual(ids[steps(ids).indexOf(38)], firstId - 1)
        const { json } = yield* request(
          `${simulator.restUrl}/api/v3/historicalTrades?symbol=BTCUSDT&fromId=${firstId}&limit=37`,
        )
        assert(Array.isArray(json))
        assert.deepStrictEqual(
          json.map(({ id }) => id),
          consecutive(firstId, 37),
        )
        yield* until("all counted", () => btc(one).length > 400)
        const sent = (yield* simulator.sent)["BTCUSDT"]
        assert.strictEqual(sent?.ranges.length, 2)
        assert.strictEqual(sent?.ranges[0]?.last, firstId - 1)
        assert.strictEqual(sent?.ranges[1]?.first, firstId + 37)
      }),
    ),
  )

  it.live("repeats, and reorders without loss", () =>
    faulty(
      `[{"kind":"repeat","afterTrades":300,"ids":25},{"kind":"reorder","afterTrades":600,"ids":20}]`,
      (simulator) =>
        Effect.gen(function* () {
          const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          yield* until("both", () => btc(client).length > 1_200)
          const ids = btc(client)
          assert.deepStrictEqual(jumps(ids), [-24, 20, ...Array.from({ length: 19 }, () => -1), 20])
          const distinct = [...new Set(ids)].sort((a, b) => a - b)
          assert.strictEqual(ids.length - distinct.length, 25)
          assert.deepStrictEqual(distinct, consecutive(distinct[0] ?? 0, distinct.length))
        }),
    ),
  )

  it.live("goes silent with and without pings; what was missed comes late, or not at all", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const client = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          yield* until("trades", () => client.frames.length > 100)
          yield* simulator.inject(readFaults(`[{"kind":"silence","for":"400 millis","pings":false}]`))
          yield* Effect.sleep("100 millis")
          const [frames, pings] = [client.frames.length, client.pings.length]
          yield* Effect.sleep("200 millis")
          assert.deepStrictEqual([client.frames.length, client.pings.length], [frames, pings])
          yield* until("the rest", () => client.frames.length > frames + 400)
          assert.deepStrictEqual(jumps(btc(client)), [])
          yield* simulator.inject(readFaults(`[{"kind":"silence","for":300,"lose":true}]`))
          yield* until("loss", () => jumps(btc(client)).length > 0)
          assert.isAbove(jumps(btc(client))[0] ?? 0, 100)
        }),
      { limits: { pingInterval: 20, messagesPerSecond: 1_000 } },
    ),
  )

  it.live("sends malformed and foreign frames and bogus ids beside the real trades", () =>
    faulty(
      `[{"kind":"malformed","afterTrades":100},
        {"kind":"malformed","afterTrades":100,"variant":"missingKey"},
        {"kind":"malformed","afterTrades":100,"variant":"emptyPrice"},
        {"kind":"malformed","afterTrades":100,"variant":"notJson"},
        {"kind":"malformed","afterTrades":100,"variant":"binary"},
        {"kind":"malformed","afterTrades":100,"text":"{\\"exactly\\":"},
        {"kind":"foreign","afterTrades":100},
        {"kind":"foreign","afterTrades":100,"variant":"symbol"},
        {"kind":"jump","afterTrades":100}]`,
      (simulator) =>
        Effect.gen(function* () {
          const client = yield* connect(`${simulator.wsUrl.replace(/ws$/, "stream")}?streams=btcusdt@trade`)
          yield* until("frames", () => client.frames.length > 500)
          const real =
            /^\{"stream":"btcusdt@trade","data":\{"e":"trade","E":\d+,"s":"BTCUSDT","t":\d+,"p":"\d+\.\d{8}","q":/
          const odd = client.frames.filter((frame) => !real.test(frame))
          assert.strictEqual(odd.length, 8)
          assert.match(odd[0] ?? "", /^\{"e":"trade","E":\d+,"s":"BTCUSDT"[^}]*$/)
          assert.match(odd[1] ?? "", /"t":\d+,"q":/)
          assert.match(odd[2] ?? "", /"p":"","q":""/)
          assert.match(odd[3] ?? "", /^<html>/)
          assert.strictEqual(odd[5], `{"exactly":`)
          assert.match(odd[6] ?? "", /^\{"stream":"btcusdt@trade","data":\{"e":"unheardOf"/)
          assert.match(odd[7] ?? "", /^\{"stream":"foreignusdt@trade","data":\{"e":"trade".*"s":"FOREIGNUSDT"/)
          const ids = tradesIn(client.frames.filter((frame) => real.test(frame))).map(({ t }) => Number(t))
          const bogus = ids.filter((id) => id > (ids[0] ?? 0) + 10_000_000)
          assert.strictEqual(bogus.length, 1)
          const rest = ids.filter((id) => id !== bogus[0])
          assert.deepStrictEqual(rest, consecutive(rest[0] ?? 0, rest.length))
          assert.deepStrictEqual(yield* counts(simulator), { malformed: 6, foreign: 2, jump: 1 })
        }),
    ),
  )

  it.live("announces a shutdown, raw and combined, and closes after it", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const raw = yield* connect(simulator.wsUrl)
        const combined = yield* connect(`${simulator.wsUrl.replace(/ws$/, "stream")}?timeUnit=MICROSECOND`)
        yield* simulator.inject(readFaults(`[{"kind":"serverShutdown","closeAfter":"100 millis"}]`))
        yield* until("closed", () => raw.closed() !== undefined && combined.closed() !== undefined)
        assert.match(raw.frames[0] ?? "", /^\{"e":"serverShutdown","E":\d{13}\}$/)
        assert.match(
          combined.frames[0] ?? "",
          /^\{"stream":"!serverShutdown","data":\{"e":"serverShutdown","E":\d{16}\}\}$/,
        )
      }),
    ),
  )

  it.live("cuts every connection at a given age, those to come too", () =>
    faulty(`[{"kind":"lifetime","after":"300 millis"}]`, (simulator) =>
      Effect.gen(function* () {
        const first = yield* connect(simulator.wsUrl)
        yield* until("closed", () => first.closed() !== undefined)
        const second = yield* connect(simulator.wsUrl)
        yield* until("closed", () => second.closed() !== undefined)
      }),
    ),
  )

  it.live("refuses handshakes and REST requests for a while", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        yield* simulator.inject(
          readFaults(
            `[{"kind":"refuse","status":451,"for":"500 millis"},
              {"kind":"rest","status":418,"code":-1003,"msg":"banned","retryAfter":7,"for":"500 millis"}]`,
          ),
        )
        yield* Effect.sleep("100 millis")
        assert.strictEqual(yield* Effect.flip(connect(simulator.wsUrl)), 451)
        const refused = yield* request(`${simulator.restUrl}/api/v3/ping`)
        assert.strictEqual(refused.status, 418)
        assert.strictEqual(refused.text, `{"code":-1003,"msg":"banned"}`)
        assert.strictEqual(refused.headers.get("retry-after"), "7")
        yield* Effect.sleep("500 millis")
        yield* connect(simulator.wsUrl)
        assert.strictEqual((yield* request(`${simulator.restUrl}/api/v3/ping`)).status, 200)
      }),
    ),
  )

  it.live("takes more faults by POST, repeats them, and refuses what it does not know", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const post = (body: string) => request(`${simulator.restUrl}/simulator/faults`, { method: "POST", body })
        const added = yield* post(
          `[{"kind":"serverShutdown","every":"50 millis","times":3},{"at":"1 hour","kind":"drop"}]`,
        )
        assert.deepStrictEqual(added.json, { added: 2 })
        const client = yield* connect(simulator.wsUrl)
        yield* Effect.sleep("500 millis")
        assert.deepStrictEqual(yield* counts(simulator), { serverShutdown: 3 })
        assert.isAtLeast(client.frames.length, 1)
        assert.strictEqual((yield* simulator.state).faults.pending, 1)
        for (const wrong of [`[{"kind":"explode"}]`, `[{"kind":"drop","att":"1 second"}]`, `{`]) {
          const { json, status } = yield* post(wrong)
          assert.strictEqual(status, 400, wrong)
          assert.match(JSON.stringify(json), /^\{"message":"These faults cannot be read: /)
        }
        assert.throws(() => readFaults(`[{"kind":"close","code":1006}]`), /close code/)
      }),
    ),
  )
})
