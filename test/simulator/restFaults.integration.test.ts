import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { get } from "node:http"
import { eventually } from "../fixtures/service/eventually.ts"
import { faulty, happen, met, type Running } from "./faulty.ts"
import { connect, consecutive, idsIn, request, until } from "./TestClient.ts"

const lists = ["trades", "historicalTrades", "aggTrades"]
const others = ["ping", "time", "exchangeInfo"]

const api = ({ restUrl }: Running, path: string) => `${restUrl}/api/v3/${path}`
const listOf = (simulator: Running, endpoint: string, query = "") =>
  request(api(simulator, `${endpoint}?symbol=BTCUSDT${query}`))

const rows = (json: unknown): ReadonlyArray<Record<string, unknown>> => {
  assert(Array.isArray(json))
  return json
}
const ids = ({ json }: { readonly json: unknown }) => rows(json).map(({ id }) => Number(id))

interface Received {
  readonly status: number | undefined
  /** What the headers promised. */
  readonly length: number
  readonly body: string
  readonly complete: boolean
  /** ms until the end, however it came. */
  readonly took: number
}

/** One request whose answer may end early, or never begin. */
const receive = (url: string, patience = 10_000) =>
  Effect.callback<Received>((resume) => {
    const began = performance.now()
    const end = (received: Omit<Received, "took">) =>
      resume(Effect.succeed({ ...received, took: performance.now() - began }))
    const nothing = { status: undefined, length: 0, body: "", complete: false }
    const asked = get(url, { agent: false, signal: AbortSignal.timeout(patience) }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", () => undefined)
      response.on("close", () =>
        end({
          status: response.statusCode,
          length: Number(response.headers["content-length"]),
          body: Buffer.concat(chunks).toString(),
          complete: response.complete,
        }),
      )
    })
    asked.on("error", () => end(nothing))
  })

/** A client that got all trades of a market that then stands still, and the newest of them. */
const settled = Effect.fnUntraced(function* ({ wsUrl }: Running) {
  const client = yield* connect(`${wsUrl}/btcusdt@trade/ethusdt@trade`)
  yield* until("all trades", () => client.frames.length === 2_000)
  const newestOf = (symbol: string) => idsIn(client.frames, symbol).at(-1) ?? 0
  return { newest: newestOf("BTCUSDT"), newestEth: newestOf("ETHUSDT") }
})
const still = { rate: 10_000, count: 1_000, symbols: ["BTCUSDT", "ETHUSDT"] }

describe("REST faults", () => {
  it.live("restHang: no answer, until the client gives up or the time is over", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        yield* happen(simulator, `[{"kind":"restHang","for":"1500 millis"}]`)
        const [impatient, patient] = yield* Effect.all(
          [receive(api(simulator, "ping"), 200), receive(api(simulator, "trades?symbol=BTCUSDT"))],
          { concurrency: 2 },
        )
        assert.strictEqual(impatient.status, undefined)
        assert.isBelow(impatient.took, 1_000)
        assert.strictEqual(patient.status, undefined)
        assert.isAbove(patient.took, 1_000)
        assert.isBelow(patient.took, 9_000)
        assert.strictEqual((yield* receive(api(simulator, "ping"))).body, "{}")
        assert.deepStrictEqual(yield* met(simulator), { restHang: 2 })
      }),
    ),
  )

  it.live("restSlow: answers of every endpoint come later, and are whole", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        yield* happen(simulator, `[{"kind":"restSlow","for":"1 minute","delay":"400 millis"}]`)
        const slow = yield* Effect.forEach(
          [...others, ...lists.map((list) => `${list}?symbol=BTCUSDT`), "trades?symbol=NOSUCH"],
          (path) => receive(api(simulator, path)),
          { concurrency: "unbounded" },
        )
        for (const { complete, took } of slow) {
          assert.isTrue(complete)
          assert.isAtLeast(took, 399)
        }
        assert.deepStrictEqual(
          slow.map(({ status }) => status),
          [...Array.from({ length: 6 }, () => 200), 400],
        )
        assert.strictEqual(JSON.parse(slow[3]?.body ?? "").length, 500)
        assert.deepStrictEqual(yield* met(simulator), { restSlow: 7 })
        const gaveUp = yield* receive(api(simulator, "ping"), 100)
        assert.strictEqual(gaveUp.status, undefined)
        assert.strictEqual((yield* receive(api(simulator, "ping"))).status, 200)
      }),
    ),
  )

  it.live("restEmpty: lists of trades are empty for a while, nothing else is", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const [detail] = yield* happen(simulator, `[{"kind":"restEmpty","for":"1 minute"}]`)
        assert.deepStrictEqual(detail, { for: 60_000 })
        for (const list of lists) {
          const { status, text } = yield* listOf(simulator, list)
          assert.deepStrictEqual([status, text], [200, "[]"], list)
        }
        assert.include((yield* request(api(simulator, "exchangeInfo"))).text, `"symbol":"BTCUSDT"`)
        assert.strictEqual((yield* request(api(simulator, "trades?symbol=NOSUCH"))).status, 400)
        // empty without the fault too
        yield* listOf(simulator, "historicalTrades", "&fromId=99999999999")
        assert.deepStrictEqual(yield* met(simulator), { restEmpty: 3 })
        yield* happen(simulator, `[{"kind":"restEmpty","for":1}]`)
        yield* eventually("the end", listOf(simulator, "trades"), ({ json }) => rows(json).length === 500)
      }),
    ),
  )

  it.live("restLate: the newest trades are unknown to REST for a while", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const { newest } = yield* settled(simulator)
          yield* happen(simulator, `[{"kind":"restLate","for":"1 minute","ids":300}]`)
          assert.deepStrictEqual(ids(yield* listOf(simulator, "trades", "&limit=50")), consecutive(newest - 349, 50))
          assert.deepStrictEqual(
            ids(yield* listOf(simulator, "historicalTrades", `&fromId=${newest - 310}`)),
            consecutive(newest - 310, 11),
          )
          assert.deepStrictEqual(ids(yield* listOf(simulator, "historicalTrades", `&fromId=${newest - 299}`)), [])
          const aggregates = rows((yield* listOf(simulator, "aggTrades")).json)
          assert.isAtMost(Number(aggregates.at(-1)?.["l"]), newest - 300)
          assert.isAbove(Number(aggregates.at(-1)?.["l"]), newest - 500)
          // this page is the same with the fault and without
          assert.lengthOf(ids(yield* listOf(simulator, "historicalTrades", `&fromId=${newest - 900}&limit=100`)), 100)
          assert.deepStrictEqual(yield* met(simulator), { restLate: 4 })
          yield* happen(simulator, `[{"kind":"restLate","for":1,"ids":300}]`)
          yield* eventually("the end", listOf(simulator, "trades"), (answer) => ids(answer).at(-1) === newest)
        }),
      still,
    ),
  )

  it.live("restFloor: for good REST answers from the floor on, of one symbol or of all, and it only rises", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const { newest, newestEth } = yield* settled(simulator)
          const floor = newest - 99
          const [detail] = yield* happen(simulator, `[{"kind":"restFloor","ids":100,"symbol":"BTCUSDT"}]`)
          assert.deepStrictEqual(detail, { ids: 100, floors: { BTCUSDT: floor } })
          for (const query of ["&fromId=1", `&fromId=${floor - 1}`]) {
            assert.deepStrictEqual(ids(yield* listOf(simulator, "historicalTrades", query)), consecutive(floor, 100))
          }
          assert.deepStrictEqual(ids(yield* listOf(simulator, "trades")), consecutive(floor, 100))
          const aggregates = rows((yield* listOf(simulator, "aggTrades", "&fromId=1")).json)
          assert.isAtLeast(Number(aggregates[0]?.["f"]), floor)
          assert.isAtMost(Number(aggregates.at(-1)?.["l"]), newest)
          // from the floor on, and of another symbol, everything is as ever
          assert.deepStrictEqual(ids(yield* listOf(simulator, "trades", "&limit=100")), consecutive(floor, 100))
          const old = yield* request(
            api(simulator, `historicalTrades?symbol=ETHUSDT&fromId=${newestEth - 900}&limit=5`),
          )
          assert.deepStrictEqual(ids(old), consecutive(newestEth - 900, 5))
          assert.deepStrictEqual(yield* met(simulator), { restFloor: 4 })
          const [all] = yield* happen(simulator, `[{"kind":"restFloor","ids":150}]`)
          assert.deepStrictEqual(all, { ids: 150, floors: { BTCUSDT: floor, ETHUSDT: newestEth - 149 } })
          assert.strictEqual(ids(yield* listOf(simulator, "historicalTrades", "&fromId=1"))[0], floor)
        }),
      still,
    ),
  )

  it.live("restCut: the connection ends in the middle of a list", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        yield* happen(simulator, `[{"kind":"restCut","for":"1 minute"}]`)
        for (const list of lists) {
          const { body, complete, length, status } = yield* receive(api(simulator, `${list}?symbol=BTCUSDT`))
          assert.strictEqual(status, 200)
          assert.isFalse(complete)
          assert.match(body, /^\[\{"/)
          assert.strictEqual(body.length, Math.ceil(length / 2))
          assert.throws(() => JSON.parse(body))
        }
        assert.strictEqual((yield* receive(api(simulator, "ping"))).body, "{}")
        assert.deepStrictEqual(yield* met(simulator), { restCut: 3 })
        yield* happen(simulator, `[{"kind":"restCut","for":1}]`)
        yield* eventually("the end", receive(api(simulator, "trades?symbol=BTCUSDT")), ({ complete }) => complete)
      }),
    ),
  )

  it.live("meets the first where several hold at once, posted over HTTP", () =>
    faulty(`[]`, (simulator) =>
      Effect.gen(function* () {
        const trades = receive(api(simulator, "trades?symbol=BTCUSDT"))
        const hold = Effect.fnUntraced(function* (kind: string, more: string) {
          const body = `[{"kind":"${kind}","for":"1 minute"${more}}]`
          yield* request(`${simulator.restUrl}/simulator/faults`, { method: "POST", body })
          yield* eventually("the fault", met(simulator), (kinds) => kind in kinds)
        })
        yield* hold("restLate", `,"ids":5`)
        assert.lengthOf(JSON.parse((yield* trades).body), 500)
        yield* hold("restEmpty", "")
        assert.strictEqual((yield* trades).body, "[]")
        yield* hold("restCut", "")
        assert.strictEqual((yield* trades).complete, false)
        yield* hold("restSlow", `,"delay":300`)
        const slow = yield* trades
        assert.isAtLeast(slow.took, 299)
        assert.isFalse(slow.complete)
        yield* hold("rest", `,"status":502`)
        assert.strictEqual((yield* trades).status, 502)
        yield* hold("restHang", "")
        assert.strictEqual((yield* receive(api(simulator, "trades?symbol=BTCUSDT"), 200)).status, undefined)
        const expected = { restLate: 1, restEmpty: 1, restCut: 2, restSlow: 1, rest: 1, restHang: 1 }
        assert.deepStrictEqual(yield* met(simulator), expected)
      }),
    ),
  )

  it.live("leaves the true trades to who inspects, whatever REST does, and takes no weight for them", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const { newest } = yield* settled(simulator)
          const headers = { "X-MBX-TIME-UNIT": "MICROSECOND" }
          const query = `symbol=BTCUSDT&fromId=${newest - 900}&limit=1000`
          const before = yield* request(api(simulator, `historicalTrades?${query}`), { headers })
          yield* happen(
            simulator,
            `[{"kind":"restFloor","ids":3},{"kind":"restLate","for":"1 minute","ids":2},{"kind":"rest","for":"1 minute"}]`,
          )
          const { headers: answered, text } = yield* request(`${simulator.restUrl}/simulator/trades?${query}`, {
            headers,
          })
          assert.strictEqual(text, before.text)
          assert.strictEqual(answered.get("x-mbx-used-weight"), null)
          const wrong = yield* request(`${simulator.restUrl}/simulator/trades?symbol=NOSUCH`)
          assert.deepStrictEqual([wrong.status, wrong.json], [400, { message: "Invalid symbol." }])
          assert.deepStrictEqual(yield* met(simulator), { restFloor: 0, restLate: 0, rest: 0 })
        }),
      still,
    ),
  )
})
