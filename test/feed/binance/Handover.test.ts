import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Handover } from "../../../src/feed/binance/Handover.ts"
import type { Trade } from "../../../src/market/Trade.ts"
import { tradeOf } from "../../fixtures/trades.ts"

const trade = (id: number, symbol = "BTCUSDT"): Trade => tradeOf(id, { symbol, time: 1_000_000 + id })
const trades = (...ids: ReadonlyArray<number>) => ids.map((id) => trade(id))
const idsOf = (some: ReadonlyArray<Trade>) => some.map(({ id }) => id)

describe("Handover", () => {
  it("passes the same array on while nothing is handed over", () => {
    const handover = new Handover(["BTCUSDT"])
    const chunk = trades(3, 1, 2)
    assert.isTrue(handover.isIdle)
    assert.strictEqual(handover.fromPresent(chunk), chunk)
    assert.isTrue(handover.isIdle)
  })

  it("holds a symbol until the present connection has delivered the next one's first id", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(1, 2))), [1, 2])
    assert.deepStrictEqual(idsOf(handover.fromNext(trades(5, 6, 7))), [])
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(3, 4))), [3, 4])
    assert.isFalse(handover.isDone)
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(5, 6))), [5, 6, 7])
    assert.isTrue(handover.isDone)
    handover.complete()
    assert.isTrue(handover.isIdle)
  })

  it("tells how many trades it holds", () => {
    let held = 0
    const handover = new Handover(["BTCUSDT", "ETHUSDT"], (change) => (held += change))
    handover.begin()
    handover.fromPresent(trades(1))
    handover.fromNext([...trades(3, 4), trade(7, "ETHUSDT")])
    assert.strictEqual(held, 3)
    handover.fromPresent(trades(2, 3))
    assert.strictEqual(held, 1)
    handover.release()
    assert.strictEqual(held, 0)
  })

  it("takes a symbol over at once where the next connection is behind, and drops what it repeats", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    handover.fromPresent(trades(1, 2, 3, 4))
    assert.deepStrictEqual(idsOf(handover.fromNext(trades(3))), [])
    assert.isTrue(handover.isDone)
    handover.complete()
    assert.isFalse(handover.isIdle)
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(4, 5))), [5])
    assert.isTrue(handover.isIdle)
  })

  it("is done when the last symbol is taken over, or when nothing is waited for any more", () => {
    const handover = new Handover(["BTCUSDT", "ETHUSDT"])
    handover.begin()
    handover.fromPresent([trade(1)])
    handover.fromNext([trade(1)])
    assert.deepStrictEqual(idsOf(handover.fromNext([trade(7, "ETHUSDT")])), [])
    assert.isFalse(handover.isDone)
    assert.deepStrictEqual(idsOf(handover.release()), [7])
    assert.isTrue(handover.isDone)
  })

  it("goes on with the present connection where the next one is lost after it took over", () => {
    const handover = new Handover(["BTCUSDT", "ETHUSDT"])
    handover.begin()
    handover.fromPresent(trades(1))
    assert.deepStrictEqual(idsOf(handover.fromNext(trades(1, 2, 3))), [2, 3])
    handover.loseNext()
    assert.isFalse(handover.isDone)
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(2, 3, 4))), [4])
    assert.deepStrictEqual(idsOf(handover.fromNext(trades(6, 7))), [])
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(5, 6))), [5, 6, 7])
  })

  it("keeps what a lost next connection brought, in case that the present one is lost before it gets there", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    handover.fromPresent(trades(1))
    handover.fromNext(trades(4, 5))
    handover.loseNext()
    assert.deepStrictEqual(idsOf(handover.fromPresent(trades(2))), [2])
    assert.deepStrictEqual(idsOf(handover.release()), [4, 5])
  })

  it("is full of what it holds, and keeps room for another next connection", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    handover.fromNext(Array.from({ length: 65_535 }, (_, index) => trade(index + 10)))
    assert.isFalse(handover.isFull)
    handover.fromNext(trades(65_545))
    assert.isTrue(handover.isFull)
    handover.loseNext()
    assert.isFalse(handover.isFull)
    assert.deepStrictEqual(idsOf(handover.release()), [])
  })

  it("forgets what a lost next connection brought once the present one has brought it too", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    handover.fromNext(Array.from({ length: 30_000 }, (_, index) => trade(index)))
    handover.loseNext()
    handover.fromPresent(trades(30_000))
    handover.fromNext(Array.from({ length: 40_000 }, (_, index) => trade(index + 40_000)))
    assert.isFalse(handover.isFull)
  })

  it("lets through an exchange that numbers its trades anew", () => {
    const handover = new Handover(["BTCUSDT"])
    handover.begin()
    handover.fromPresent(trades(1000))
    const anew = [tradeOf(0, { time: 2_000_000 }), tradeOf(1, { time: 2_000_001 })]
    assert.deepStrictEqual(idsOf(handover.fromNext(anew)), [0, 1])
  })

  it("gives all that either connection delivered, in order and once, whatever is late, stalls or is lost", () => {
    const seen = { completed: 0, lostNext: 0, overdue: 0, lostPresent: 0 }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
        const model = new Model()
        for (const each of steps) model.take(each)
        model.finish()
        for (const symbol of symbols) {
          const out = model.out.filter((each) => each.symbol === symbol).map(({ id }) => id)
          for (const [index, id] of out.entries()) {
            if (index === 0) continue
            const before = out[index - 1] ?? 0
            assert.isAbove(id, before)
            if (model.counts.overdue + model.counts.lostPresent === 0) assert.strictEqual(id, before + 1)
          }
          assert.sameMembers(out, [...(model.fed.get(symbol) ?? [])])
        }
        for (const kind of kinds) seen[kind] += model.counts[kind]
      }),
      { numRuns: 2_000 },
    )
    for (const kind of kinds) assert.isAbove(seen[kind], 100, kind)
  })
})

const symbols = ["BTCUSDT", "ETHUSDT"] as const
const kinds = ["completed", "lostNext", "overdue", "lostPresent"] as const

type Step = readonly [
  act: "publish" | "present" | "next" | "dial" | "loseNext" | "losePresent" | "overdue",
  symbol: (typeof symbols)[number],
  count: number,
]

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom("publish", "present", "next") },
    { weight: 6, arbitrary: fc.constant("dial" as const) },
    { weight: 1, arbitrary: fc.constantFrom("loseNext", "losePresent", "overdue") },
  ),
  fc.constantFrom(...symbols),
  fc.integer({ min: 1, max: 4 }),
)

/** The id that each symbol's stream brings next. */
type Connection = Map<string, number>

/** An exchange that publishes consecutive ids, and connections that deliver them late or never. */
class Model {
  readonly counts = { completed: 0, lostNext: 0, overdue: 0, lostPresent: 0 }
  readonly out: Array<Trade> = []
  readonly fed = new Map<string, Set<number>>(symbols.map((symbol) => [symbol, new Set()]))
  private readonly newest = new Map<string, number>(symbols.map((symbol, index) => [symbol, index * 100]))
  private readonly handover = new Handover(symbols)
  private present: Connection | undefined = this.subscribe()
  private next: Connection | undefined
  private begun = false

  take([act, symbol, count]: Step) {
    if (this.present === undefined) return
    if (act === "publish") this.newest.set(symbol, (this.newest.get(symbol) ?? 0) + count)
    if (act === "present") this.deliver(this.present, symbol, count)
    if (act === "next" && this.next !== undefined) this.deliver(this.next, symbol, count)
    if (act === "dial" && !this.begun) this.handover.begin()
    if (act === "dial") this.begun = true
    if (act === "dial") this.next ??= this.subscribe()
    if (act === "loseNext" && this.next !== undefined) {
      this.handover.loseNext()
      this.next = undefined
      this.counts.lostNext += 1
    }
    if (act === "losePresent" || (act === "overdue" && this.next !== undefined)) {
      this.counts[act === "overdue" ? "overdue" : "lostPresent"] += 1
      this.out.push(...this.handover.release())
      this.promote()
    }
    if (this.handover.isDone) {
      this.counts.completed += 1
      this.promote()
    }
  }

  /** What remains comes; then a request to stop. */
  finish() {
    for (const connection of [this.present, this.next]) {
      for (const symbol of symbols) if (connection !== undefined) this.deliver(connection, symbol, Infinity)
    }
    this.out.push(...this.handover.release())
  }

  private subscribe(): Connection {
    return new Map([...this.newest].map(([symbol, id]) => [symbol, id + 1]))
  }

  private promote() {
    if (this.next !== undefined) this.handover.complete()
    this.present = this.next
    this.next = undefined
    this.begun = false
  }

  private deliver(connection: Connection, symbol: string, count: number) {
    const first = connection.get(symbol) ?? 0
    const last = Math.min(this.newest.get(symbol) ?? 0, first + count - 1)
    const chunk = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => trade(first + index, symbol))
    for (const { id } of chunk) this.fed.get(symbol)?.add(id)
    connection.set(symbol, last + 1)
    this.out.push(...(connection === this.present ? this.handover.fromPresent(chunk) : this.handover.fromNext(chunk)))
  }
}
