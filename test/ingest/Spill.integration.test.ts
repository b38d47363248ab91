import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { eventually, temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { drain, idsBelow, openSpill, spillProcess, tradesFrom, filesIn } from "../fixtures/spill.ts"

describe("Spill", () => {
  it.live("has no file while nothing waits, and gives the disk back once it is drained", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const spill = yield* openSpill(folder)
      assert.strictEqual(yield* spill.peek(10), undefined)
      assert.deepStrictEqual(filesIn(folder), [])
      for (const first of [0, 100, 200]) yield* spill.append(tradesFrom(first, 100))
      const { bytes, oldestReceivedAt, trades } = yield* spill.state
      assert.deepStrictEqual([trades, typeof oldestReceivedAt], [300, "number"])
      assert.isAbove(bytes, 6_000)
      assert.deepStrictEqual(filesIn(folder), ["queue"])
      assert.deepStrictEqual(yield* drain(spill), idsBelow(300))
      assert.deepStrictEqual(filesIn(folder), [])
      assert.deepStrictEqual(yield* spill.state, { trades: 0, bytes: 0, oldestReceivedAt: undefined })
    }),
  )

  it.live("deletes at the start what a process left that was killed while it made or discarded a file", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      for (const name of ["queue.a.old", "queue.b.new", "queue.c.new"]) mkdirSync(path.join(folder, name))
      const hourAgo = Date.now() / 1000 - 3600
      utimesSync(path.join(folder, "queue.b.new"), hourAgo, hourAgo)
      yield* openSpill(folder)
      // Another process may be making this one.
      assert.deepStrictEqual(filesIn(folder), ["queue.c.new"])
    }),
  )

  it.live("removes exactly what was peeked, once, and nothing of a later file", () =>
    Effect.gen(function* () {
      const spill = yield* openSpill(yield* temporaryFolder)
      yield* spill.append(tradesFrom(0, 3))
      const first = yield* spill.peek(10)
      assert.isDefined(first)
      yield* spill.append(tradesFrom(3, 2))
      yield* spill.remove(first)
      yield* spill.remove(first)
      assert.deepStrictEqual(
        (yield* spill.peek(10))?.trades.map(({ id }) => id),
        [3, 4],
      )
      yield* drain(spill)
      yield* spill.append(tradesFrom(5, 1))
      yield* spill.remove(first)
      assert.deepStrictEqual(yield* drain(spill), [5])
    }),
  )

  it.live("gives back after SIGKILL every batch whose append had succeeded, in order, none twice", () =>
    Effect.gen(function* () {
      for (const after of [1, 17, 60]) {
        const folder = yield* temporaryFolder
        const child = yield* spillProcess([folder, "fill", "7"])
        yield* eventually(Effect.sync(() => child.said().length > after))
        child.kill()
        assert.strictEqual((yield* child.ended).signal, "SIGKILL")
        const succeeded = child.said().at(-1)?.appended ?? 0
        const spill = yield* openSpill(folder)
        const found = (yield* spill.state).trades
        // The last one may have succeeded without a chance to say so.
        assert.include([succeeded, succeeded + 7], found)
        assert.deepStrictEqual(yield* drain(spill), idsBelow(found))
        assert.deepStrictEqual(filesIn(folder), [])
      }
    }),
  )

  it.live("tells the age of trades that another process received", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const startedAt = performance.now()
      const child = yield* spillProcess([folder, "fill", "5"])
      yield* eventually(Effect.sync(() => child.said().length > 3))
      child.kill()
      yield* child.ended
      const spill = yield* openSpill(folder)
      const now = performance.now()
      const { oldestReceivedAt = 0 } = yield* spill.state
      const spilled = yield* spill.peek(1000)
      const times = spilled?.trades.map(({ receivedAt }) => receivedAt) ?? []
      assert.isAbove(times.length, 10)
      // A millisecond for the resolution of the wall clock.
      for (const time of [oldestReceivedAt, ...times]) assert.isTrue(startedAt - 1 <= time && time <= now, String(time))
      assert.closeTo(oldestReceivedAt, Math.min(...times), 1)
    }),
  )

  it.live("is one process's at a time: another one is told whose, and has it once that one is gone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const filling = yield* spillProcess([folder, "fill"])
      yield* eventually(Effect.sync(() => filling.said().some(({ appended }) => appended !== undefined)))
      const refused = yield* Effect.flip(Effect.scoped(openSpill(folder)))
      assert.strictEqual(refused.reason, "InUse")
      assert.match(refused.message, /is in use by another Fulltape \(pid \d+\)/)
      filling.kill()
      yield* filling.ended
      const spill = yield* openSpill(folder)
      assert.isAbove((yield* spill.state).trades, 0)
    }),
  )

  it.live("keeps its data file within the limit, and takes trades again when some were removed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const spill = yield* openSpill(folder, { maxMegabytes: 2 })
      const file = path.join(folder, "queue", "data.mdb")
      let next = 0
      const fill = Effect.gen(function* () {
        for (;;) {
          yield* spill.append(tradesFrom(next, 100))
          next += 100
          assert.isAtMost(statSync(file).size, 2 * 1024 * 1024)
        }
      })
      const full = yield* Effect.flip(fill)
      assert.deepInclude(full, { _tag: "SpillFull", reason: "Limit" })
      assert.include(full.message, "SPILL_MAX_MB")
      const before = yield* spill.state
      assert.isAbove(before.bytes, 700_000)
      assert.strictEqual(before.trades, next)
      const spilled = yield* spill.peek(next / 2)
      assert.isDefined(spilled)
      yield* spill.remove(spilled)
      yield* Effect.flip(fill)
      assert.isAbove(next, before.trades + before.trades / 4)
      const kept = spilled.trades.length
      assert.deepStrictEqual(
        yield* drain(spill),
        idsBelow(next - kept).map((id) => kept + id),
      )
    }),
  )

  it.live("says whose trades it holds when they are another owner's, and belongs to anybody when it is empty", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.scoped(Effect.flatMap(openSpill(folder), (spill) => spill.append(tradesFrom(0, 3))))
      for (const owner of [
        { market: "binance-spot-testnet", database: "one" },
        { market: "binance-spot", database: "two" },
      ]) {
        const error = yield* Effect.flip(Effect.scoped(openSpill(folder, { owner })))
        assert.strictEqual(error.reason, "Foreign")
        for (const part of [folder, "3 trades", "binance-spot", "(one)", "BINANCE_WS_URL", "DATABASE_URL", "delete"])
          assert.include(error.message, part)
        assert.notMatch(error.message, /\. |\n/)
      }
      assert.deepStrictEqual(yield* Effect.scoped(Effect.flatMap(openSpill(folder), drain)), [0, 1, 2])
      yield* Effect.flatMap(openSpill(folder, { owner: { market: "other", database: "two" } }), (spill) =>
        spill.append(tradesFrom(0, 1)),
      )
    }),
  )

  it.live(
    "reports an entry that cannot be decoded, once those before it are gone, and goes on when it is removed",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* Effect.scoped(
          Effect.flatMap(openSpill(folder), (spill) =>
            Effect.forEach([0, 100, 200], (first) => spill.append(tradesFrom(first, 100))),
          ),
        )
        const file = path.join(folder, "queue", "data.mdb")
        const bytes = readFileSync(file)
        const second = bytes.indexOf("84598.05000000", bytes.indexOf("84598.05000000") + 6_000)
        bytes.write("94598.05", second)
        writeFileSync(file, bytes)
        const spill = yield* openSpill(folder)
        const first = yield* spill.peek(1000)
        assert.isDefined(first)
        assert.deepStrictEqual(
          first.trades.map(({ id }) => id),
          idsBelow(100),
        )
        yield* spill.remove(first)
        const error = yield* Effect.flip(spill.peek(1000))
        assert.strictEqual(error._tag, "EntryUnreadable")
        assert.match(error.message, /^A batch of trades .* \(its checksum is wrong\): .*\.$/)
        if (error._tag === "EntryUnreadable") yield* spill.remove(error)
        assert.deepStrictEqual(
          yield* drain(spill),
          idsBelow(100).map((id) => 200 + id),
        )
      }),
  )
})
