import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { open } from "lmdb"
import { randomBytes } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import type { Spill } from "../../src/ingest/Spill.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { canMount, smallDisk } from "../fixtures/smallDisk.ts"
import { drain, idsBelow, openSpill, spillProcessRun, tradesFrom, filesIn } from "../fixtures/spill.ts"

const mountable = canMount()

/** Appends batches from an id on until that fails; gives the id that comes next, and why. */
const fill = Effect.fnUntraced(function* (spill: Spill["Service"], from: number) {
  for (let next = from; ; next += 100) {
    const error = yield* Effect.flip(spill.append(tradesFrom(next, 100))).pipe(Effect.option)
    if (error._tag === "Some") return { next, error: error.value }
  }
})

const dataFileOf = (folder: string) => path.join(folder, "queue", "data.mdb")

/** Ten thousand trades that an earlier run left. */
const leftover = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  yield* Effect.scoped(
    Effect.flatMap(openSpill(folder), (spill) =>
      Effect.forEach(idsBelow(10), (index) => spill.append(tradesFrom(index * 1000, 1000))),
    ),
  )
  return folder
})

describe("Spill on a full disk", () => {
  it.live.skipIf(!mountable)("loses nothing, lets its head be removed, and goes on when there is room (as root)", () =>
    Effect.gen(function* () {
      const disk = yield* smallDisk(8)
      yield* disk.occupy(2)
      const { next } = yield* Effect.scoped(
        Effect.gen(function* () {
          const spill = yield* openSpill(disk.folder, { maxMegabytes: 1000 })
          const full = yield* fill(spill, 0)
          assert.deepInclude(full.error, { _tag: "SpillFull", reason: "Disk" })
          assert.include(full.error.message, "is full")
          yield* disk.fill
          const before = yield* spill.state
          assert.strictEqual(before.trades, full.next)
          assert.strictEqual((yield* fill(spill, full.next)).next, full.next)
          assert.deepStrictEqual(yield* spill.state, before)

          const head = yield* spill.peek(full.next / 2)
          assert.isDefined(head)
          assert.deepStrictEqual(
            head.trades.map(({ id }) => id),
            idsBelow(head.trades.length),
          )
          yield* spill.remove(head)
          assert.strictEqual((yield* spill.state).trades, full.next - head.trades.length)
          // What was removed makes room for others, though the disk has none.
          const inside = yield* fill(spill, full.next)
          assert.isAbove(inside.next, full.next + head.trades.length / 4)

          yield* disk.empty
          yield* spill.append(tradesFrom(inside.next, 100))
          yield* disk.fill
          assert.strictEqual((yield* spill.state).trades, inside.next + 100 - head.trades.length)
          return { next: inside.next + 100 - head.trades.length }
        }),
      )
      const spill = yield* openSpill(disk.folder)
      const ids = yield* drain(spill)
      assert.strictEqual(ids.length, next)
      assert.deepStrictEqual(
        ids,
        idsBelow(next).map((id) => id + (ids[0] ?? 0)),
      )
      assert.isFalse(existsSync(path.join(disk.folder, "queue")))
    }),
  )

  it.live.skipIf(!mountable)("refuses the first batch too, and leaves nothing behind (as root)", () =>
    Effect.gen(function* () {
      const disk = yield* smallDisk(4)
      const folder = path.join(disk.folder, "spill")
      const spill = yield* openSpill(folder)
      yield* disk.fill
      assert.deepInclude(yield* Effect.flip(spill.append(tradesFrom(0, 10))), { _tag: "SpillFull", reason: "Disk" })
      assert.deepStrictEqual(filesIn(folder), [])
      yield* disk.empty
      yield* spill.append(tradesFrom(0, 10))
      assert.deepStrictEqual(yield* drain(spill), idsBelow(10))
    }),
  )

  it.live.skipIf(process.platform === "win32")("takes a limit on the size of files for a full disk", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      // In units of 512 or of 1024 bytes.
      const limited = ["sh", "-c", 'ulimit -f 3000; exec "$@"', "sh"]
      const { code, said } = yield* spillProcessRun([folder, "fill"], limited)
      assert.deepInclude(said.at(-1), { tag: "SpillFull" })
      assert.strictEqual(code, 1)
      const appended = said.at(-2)?.appended ?? 0
      assert.isAbove(appended, 10_000)
      const taken = yield* spillProcessRun([folder, "take", "5000"], limited)
      assert.deepStrictEqual(taken.said.at(-1)?.ids, idsBelow(5000))
      const spill = yield* openSpill(folder)
      yield* spill.append(tradesFrom(appended, 100))
      assert.deepStrictEqual(
        yield* drain(spill),
        idsBelow(appended + 100 - 5000).map((id) => id + 5000),
      )
    }),
  )
})

describe("Spill with a file that is not one", () => {
  const damages: ReadonlyArray<readonly [string, (file: string) => void]> = [
    ["random bytes", (file) => writeFileSync(file, randomBytes(100_000))],
    ["a text", (file) => writeFileSync(file, "no trades here\n")],
    ["only its first page", (file) => truncateSync(file, 4096)],
    ["only its first third", (file) => truncateSync(file, 120_000)],
    [
      "random bytes behind its first pages",
      (file) => {
        const bytes = readFileSync(file)
        writeFileSync(file, Buffer.concat([bytes.subarray(0, 8192), randomBytes(bytes.length - 8192)]))
      },
    ],
    ["zeros behind its first pages", (file) => (truncateSync(file, 8192), truncateSync(file, 1_000_000))],
  ]
  for (const [name, damage] of damages) {
    it.live(`says in one sentence that it cannot be read: ${name}`, () =>
      Effect.gen(function* () {
        const folder = yield* leftover
        damage(dataFileOf(folder))
        const error = yield* Effect.flip(openSpill(folder))
        assert.strictEqual(error.reason, "Damaged")
        assert.include(error.message, folder)
        assert.match(
          error.message,
          /^The spill in .* cannot be read \(.+\): move or delete this folder, and [^.\n]+\.$/,
        )
      }),
    )
  }

  it.live("says the same of a database of another program", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const other = open<string, string>({ path: path.join(folder, "queue"), noSubdir: false })
      yield* Effect.promise(() => other.put("key", "value"))
      yield* Effect.promise(() => other.close())
      assert.match(
        (yield* Effect.flip(openSpill(folder))).message,
        /cannot be read \(it was made by another program\): /,
      )
    }),
  )

  it.live("takes an empty file for an empty spill, as a crash may leave one", () =>
    Effect.gen(function* () {
      const folder = yield* leftover
      truncateSync(dataFileOf(folder), 0)
      const spill = yield* openSpill(folder)
      assert.strictEqual((yield* spill.state).trades, 0)
      yield* spill.append(tradesFrom(0, 10))
      assert.deepStrictEqual(yield* drain(spill), idsBelow(10))
    }),
  )

  it.live("says what to do when the folder cannot be read or written", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const refused = (folder: string) =>
        Effect.map(Effect.flip(openSpill(folder)), (error) => {
          assert.strictEqual(error.reason, "Access")
          assert.match(error.message, /^The spill in .* cannot be used \(.+\): let this user [^.\n]+\.$/)
          return error.message
        })
      writeFileSync(path.join(folder, "file"), "")
      assert.include(yield* refused(path.join(folder, "file")), "EEXIST")
      assert.include(yield* refused(path.join(folder, "file", "below")), "ENOTDIR")
      // Nobody forbids root anything.
      if (process.platform === "win32" || process.getuid?.() === 0) return
      for (const mode of [0o000, 0o555]) {
        const closed = path.join(folder, mode.toString(8))
        mkdirSync(closed, { mode })
        assert.include(yield* refused(closed), "EACCES")
        chmodSync(closed, 0o700)
      }
    }),
  )

  it.live.skipIf(!mountable)("says what to do when the disk became read-only (as root)", () =>
    Effect.gen(function* () {
      const disk = yield* smallDisk(6)
      yield* Effect.scoped(Effect.flatMap(openSpill(disk.folder), (spill) => spill.append(tradesFrom(0, 10))))
      const size = statSync(dataFileOf(disk.folder)).size
      yield* disk.remount("ro")
      const error = yield* Effect.flip(openSpill(disk.folder))
      assert.strictEqual(error.reason, "Access")
      assert.include(error.message, "EROFS")
      yield* disk.remount("rw")
      assert.strictEqual(statSync(dataFileOf(disk.folder)).size, size)
      assert.deepStrictEqual(yield* Effect.flatMap(openSpill(disk.folder), drain), idsBelow(10))
    }),
  )
})
