import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { open } from "../../src/telemetry/LogFiles.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"

const small = { mostBytes: 1_000, kept: 5 }

/** A file of a folder of its own, what it was told in trouble, and all lines of its generations, oldest first. */
const opened = Effect.fnUntraced(function* (rotation = small) {
  const dir = yield* temporaryFolder
  const trouble: Array<string> = []
  const [add = () => {}] = yield* open(
    dir,
    ["a.log"],
    (sentence) => Effect.sync(() => void trouble.push(sentence)),
    rotation,
  )
  const names = Effect.map(
    Effect.promise(() => readdir(dir)),
    (all) => all.sort((a, b) => b.localeCompare(a, "en", { numeric: true })),
  )
  const lines = Effect.flatMap(names, (all) =>
    Effect.promise(async () => {
      const texts = await Promise.all(all.map((name) => readFile(join(dir, name), "utf8")))
      for (const text of texts) assert.match(text, /^$|\n$/)
      return texts.flatMap((text) => text.split("\n").slice(0, -1))
    }),
  )
  // What is moved on while it is read is read again.
  const settled = Effect.catchCause(lines, () => Effect.succeed<ReadonlyArray<string>>([]))
  const written = (count: number) => eventually(`${count} lines`, settled, (all) => all.length >= count)
  return { dir, path: join(dir, "a.log"), add, trouble, names, lines, settled, written }
})

/** 100 bytes with its line break, some of them in characters of two. */
const line = (number: number) => `${String(number).padStart(5, "0")} ${"é".repeat(46)}x`

const numbers = (first: number, count: number) => Array.from({ length: count }, (_, index) => line(first + index))

describe("LogFiles", () => {
  it.live("moves a file away before it gets too large, with no line lost or cut", () =>
    Effect.gen(function* () {
      const { add, dir, names, written } = yield* opened()
      let next = 0
      for (const count of [3, 8, 1, 20, 13]) {
        for (const text of numbers(next, count)) add(text)
        next += count
        assert.deepStrictEqual(yield* written(next), numbers(0, next))
      }
      assert.deepStrictEqual(yield* names, ["a.log.4", "a.log.3", "a.log.2", "a.log.1", "a.log"])
      for (const name of yield* names) {
        assert.isAtMost((yield* Effect.promise(() => stat(join(dir, name)))).size, small.mostBytes)
      }
    }).pipe(Effect.scoped),
  )

  it.live("keeps as many as it is told, the newest", () =>
    Effect.gen(function* () {
      const { add, names, settled } = yield* opened({ mostBytes: 1_000, kept: 2 })
      for (const text of numbers(0, 75)) add(text)
      const last = yield* eventually("the newest line", settled, (all) => all.includes(line(74)))
      assert.deepStrictEqual(last, numbers(50, 25))
      assert.deepStrictEqual(yield* names, ["a.log.2", "a.log.1", "a.log"])
    }).pipe(Effect.scoped),
  )

  it.live("writes a line that is longer than a file may be, alone", () =>
    Effect.gen(function* () {
      const { add, names, written } = yield* opened()
      const long = "y".repeat(3_000)
      for (const text of ["a", long, "b"]) add(text)
      assert.deepStrictEqual(yield* written(3), ["a", long, "b"])
      assert.lengthOf(yield* names, 3)
    }).pipe(Effect.scoped),
  )

  it.live("goes on in a new file where another program moves it away or empties it, and loses nothing itself", () =>
    Effect.gen(function* () {
      const { add, dir, path, written } = yield* opened()
      for (const text of numbers(0, 9)) add(text)
      yield* written(9)
      yield* Effect.promise(() => rename(path, join(dir, "a.log-20261125")))
      for (const text of numbers(9, 9)) add(text)
      yield* written(18)
      yield* Effect.promise(() => rm(path))
      for (const text of numbers(18, 15)) add(text)
      const moved = yield* Effect.promise(() => readFile(join(dir, "a.log-20261125"), "utf8"))
      assert.deepStrictEqual(moved.split("\n").slice(0, -1), numbers(0, 9))
      const all = yield* eventually("the newest", written(24), (all) => all.includes(line(32)))
      assert.sameMembers([...all], [...numbers(0, 9), ...numbers(18, 15)])
    }).pipe(Effect.scoped),
  )

  it.live("writes on into a file that cannot be moved away, and says so once", () =>
    Effect.gen(function* () {
      const { add, dir, path, trouble } = yield* opened({ mostBytes: 1_000, kept: 1 })
      yield* Effect.promise(() => mkdir(`${path}.1`).then(() => writeFile(join(dir, "a.log.1", "full"), "")))
      const inFile = Effect.promise(() => readFile(path, "utf8").then((text) => text.split("\n").slice(0, -1)))
      for (const count of [15, 30]) {
        for (const text of numbers(count - 15, 15)) add(text)
        assert.deepStrictEqual(yield* eventually("lines", inFile, (all) => all.length === count), numbers(0, count))
      }
      assert.lengthOf(trouble, 1)
      assert.match(trouble[0] ?? "", /a\.log cannot be rotated, and grows on: /)
    }).pipe(Effect.scoped),
  )
})
