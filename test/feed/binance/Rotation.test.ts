import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { elapse, settle } from "../../fixtures/elapse.ts"
import { refused } from "../../fixtures/FakeExchange.ts"
import { anHour, counted, from, none, running } from "./runningFeed.ts"

const SHUTDOWN = `{"e":"serverShutdown","E":1791019853438}`

describe("rotation", () => {
  it.effect("replaces a connection at its age, without a gap and without a repetition", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running()
      yield* exchange.publish([1, 2])
      yield* elapse("59 minutes", "1 minute")
      assert.deepStrictEqual(exchange.dials, [0])
      assert.deepInclude(yield* status, { state: "connected", rotations: 0, nextRotationAt: 3_600_000 })

      yield* elapse("1 minute", "1 minute")
      assert.deepStrictEqual(exchange.dials, [0, 3_600_000])
      assert.strictEqual(exchange.open, 2)
      assert.strictEqual((yield* status).state, "connected")
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      yield* next.trades([4, 5])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2])
      yield* old.trades([3])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2, 3])
      yield* old.trades([4])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2, 3, 4, 5])
      assert.isFalse(old.isOpen())
      yield* next.trades([6])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2, 3, 4, 5, 6])
      assert.deepInclude(yield* status, {
        state: "connected", since: 0, reconnects: 0, rotations: 1, nextRotationAt: 7_200_000, lastLoss: undefined,
      }) // prettier-ignore
      assert.deepStrictEqual(yield* moved, { ...none, age: 1 })
    }),
  )

  it.effect("does so the hundredth time as well, and reconnects after a loss then", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running()
      for (let rotation = 1; rotation <= 100; rotation++) {
        yield* exchange.publish([rotation * 10])
        yield* anHour
        assert.strictEqual(exchange.open, 2, `rotation ${rotation}`)
        yield* exchange.publish(from(rotation * 10 + 1, rotation * 10 + 9))
        yield* settle
        assert.strictEqual(exchange.open, 1, `rotation ${rotation}`)
      }
      assert.strictEqual((yield* status).rotations, 100)
      assert.deepStrictEqual(yield* moved, { ...none, age: 100 })

      yield* exchange.newest.lose
      yield* elapse("1 second")
      assert.strictEqual(exchange.connections.length, 102)
      yield* exchange.publish(from(1010, 1012))
      yield* settle
      assert.deepStrictEqual(ids(), from(10, 1012))
      assert.deepInclude(yield* status, { state: "connected", reconnects: 1, rotations: 100 })
      assert.deepStrictEqual(yield* moved, { ...none, age: 100, lost: 1 })
      yield* anHour
      assert.strictEqual(exchange.open, 2)
    }),
  )

  it.effect("counts a symbol that stays silent as taken over 5 s after the acknowledgement", () =>
    Effect.gen(function* () {
      const { exchange, ids, status } = yield* running(["BTCUSDT", "ETHUSDT"])
      yield* anHour
      yield* exchange.publish([1, 2])
      yield* elapse("4900 millis", "100 millis")
      assert.strictEqual(exchange.open, 2)
      yield* exchange.publish([3])
      yield* elapse("100 millis", "100 millis")
      assert.strictEqual(exchange.open, 1)
      assert.strictEqual((yield* status).rotations, 1)
      yield* exchange.publish([7], "ETHUSDT")
      yield* exchange.publish([4])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2, 3, 4])
      assert.deepStrictEqual(ids("ETHUSDT"), [7])
    }),
  )

  it.effect("keeps the old connection where the exchange does not acknowledge the subscription", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids } = yield* running(["BTCUSDT", "ETHUSDT"])
      exchange.acknowledges = false
      yield* anHour
      yield* elapse("9900 millis", "100 millis")
      const [old, next] = [exchange.connection(0), exchange.connection(1)]
      assert.isTrue(next.isOpen())
      yield* elapse("100 millis", "100 millis")
      assert.isFalse(next.isOpen())
      assert.isTrue(old.isOpen())
      exchange.acknowledges = true
      yield* elapse("10 seconds", "100 millis")
      yield* exchange.publish([1])
      yield* settle
      assert.isFalse(old.isOpen())
      assert.strictEqual(exchange.open, 1)
      assert.deepStrictEqual(ids(), [1])
      assert.deepStrictEqual(yield* moved, { ...none, age: 1, failures: 1 })
    }),
  )

  it.effect("replaces at once, and once, a connection that the exchange announces to close", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, ids, status } = yield* running()
      yield* exchange.publish([1])
      yield* exchange.newest.say(SHUTDOWN)
      yield* exchange.newest.say(SHUTDOWN)
      yield* settle
      assert.deepStrictEqual(exchange.dials, [0, 0])
      yield* exchange.connection(0).say(SHUTDOWN)
      yield* exchange.publish([2, 3])
      yield* elapse("1 minute", "1 second")
      assert.deepStrictEqual(exchange.dials, [0, 0])
      assert.deepStrictEqual(ids(), [1, 2, 3])
      assert.strictEqual((yield* status).rotations, 1)
      assert.deepStrictEqual(yield* moved, { ...none, shutdown: 1 })

      yield* exchange.newest.say(SHUTDOWN)
      yield* settle
      assert.strictEqual(exchange.dials.length, 3)
    }),
  )

  it.effect("replaces the replacement in its turn, where the exchange announces to close that too", () =>
    Effect.gen(function* () {
      const { exchange, ids } = yield* running()
      yield* exchange.newest.say(SHUTDOWN)
      yield* settle
      yield* exchange.newest.say(SHUTDOWN)
      yield* settle
      assert.strictEqual(exchange.dials.length, 2)
      yield* exchange.publish([1])
      yield* settle
      assert.strictEqual(exchange.dials.length, 3)
      yield* exchange.publish([2])
      yield* settle
      assert.strictEqual(exchange.open, 1)
      assert.deepStrictEqual(ids(), [1, 2])
    }),
  )

  it.effect("renews the connection of a stalled symbol, one at a time, and releases the symbol after 5 s", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, feed, ids, status } = yield* running(["BTCUSDT", "ETHUSDT"])
      yield* exchange.publish([1])
      yield* exchange.publish([1], "ETHUSDT")
      yield* settle
      yield* feed.renew("XRPUSDT")
      yield* settle
      assert.strictEqual(exchange.dials.length, 1)
      yield* feed.renew("ETHUSDT")
      yield* feed.renew("BTCUSDT")
      yield* settle
      yield* feed.renew("ETHUSDT")
      yield* settle
      assert.strictEqual(exchange.dials.length, 2)
      yield* exchange.publish([2])
      yield* exchange.newest.trades([5, 6], "ETHUSDT")
      yield* elapse("4900 millis", "100 millis")
      assert.deepStrictEqual(ids("ETHUSDT"), [1])
      yield* elapse("100 millis", "100 millis")
      assert.deepStrictEqual(ids("ETHUSDT"), [1, 5, 6])
      assert.strictEqual(exchange.open, 1)
      yield* elapse("1 minute", "1 second")
      assert.deepStrictEqual(ids(), [1, 2])
      assert.strictEqual(exchange.dials.length, 2)
      assert.deepInclude(yield* status, { state: "connected", reconnects: 0, rotations: 1 })
      assert.deepStrictEqual(yield* moved, { ...none, stalled: 1 })

      yield* feed.renew("ETHUSDT")
      yield* settle
      assert.strictEqual(exchange.dials.length, 3)
    }),
  )

  it.effect("goes on when other connections are refused, however many, and dials them with growing waits", () =>
    Effect.gen(function* () {
      const moved = yield* counted
      const { exchange, fiber, ids, status } = yield* running(["BTCUSDT"], { maxReconnectAttempts: 3 })
      exchange.refusals.push(...Array.from({ length: 12 }, () => refused(503)))
      yield* anHour
      yield* elapse("30 seconds")
      yield* exchange.publish([1])
      yield* settle
      assert.deepInclude(yield* status, { state: "connected", reconnects: 0, rotations: 0, lastLoss: undefined })
      yield* elapse("20 seconds")
      assert.strictEqual(exchange.dials.length, 14)
      const waits = exchange.dials.slice(2).map((at, index) => at - (exchange.dials[index + 1] ?? 0))
      assert.isAtMost(waits[0] ?? 0, 350)
      assert.isAtLeast(waits.at(-1) ?? 0, 4_950)
      assert.isAtMost(Math.max(...waits), 5_050)
      yield* exchange.publish([2, 3])
      yield* settle
      assert.deepStrictEqual(ids(), [1, 2, 3])
      assert.strictEqual((yield* status).rotations, 1)
      assert.isUndefined(fiber.pollUnsafe())
      assert.deepStrictEqual(yield* moved, { ...none, age: 1, failures: 12, refused: 12 })
    }),
  )

  it.effect("spreads the rotations of several connections", () =>
    Effect.gen(function* () {
      const { exchange, feed } = yield* running(Array.from({ length: 600 }, (_, index) => `S${index}`))
      const times = (yield* feed.connections).map(({ nextRotationAt = 0 }) => nextRotationAt).sort((a, b) => a - b)
      assert.deepStrictEqual(times, [3_360_000, 3_480_000, 3_600_000])
      assert.strictEqual(exchange.open, 3)
      yield* elapse("57 minutes", "1 minute")
      assert.deepStrictEqual(exchange.dials.slice(3), [3_360_000])
    }),
  )
})
