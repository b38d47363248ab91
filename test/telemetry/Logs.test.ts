import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, type LogLevel, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Logs from "../../src/telemetry/Logs.ts"

const terminal = (isTTY = false) => {
  let written = ""
  const output = {
    isTTY,
    write: (text: string) => {
      written += text
    },
    on: () => output,
    listeners: () => [],
  }
  return { output, lines: () => written.split("\n").slice(0, -1) }
}

/** What logging writes to the terminal, line by line. */
const written = <E>(log: Effect.Effect<void, E>, options: Partial<Logs.LogOptions> = {}, isTTY = false) =>
  Effect.gen(function* () {
    const { lines, output } = terminal(isTTY)
    yield* log.pipe(
      Effect.provide(
        Logs.layer({ level: "Info", format: "json", dir: undefined, service: "tape", output, ...options }),
      ),
    )
    return lines()
  })

const events = (lines: ReadonlyArray<string>): ReadonlyArray<Record<string, unknown>> =>
  lines.map((line) => JSON.parse(line))

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "logs-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true })),
)

const read = (...path: ReadonlyArray<string>) => Effect.promise(() => readFile(join(...path), "utf8"))

const failure = Cause.fail(new Error("connect\nfailed", { cause: new Error("ECONNREFUSED 127.0.0.1:5432") }))

describe("Logs", () => {
  it.effect("writes one JSON object a line with the fields that programs look for", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
      const lines = yield* written(
        Effect.logInfo("Batch processed").pipe(
          Effect.annotateLogs({ batchSize: 100, processingTime: 3.25, nested: { a: [1] }, symbol: "币安" }),
          Effect.withLogSpan("insert"),
        ),
      )
      assert.deepStrictEqual(events(lines), [
        {
          timestamp: "2026-01-02T03:04:05.006Z",
          level: "info",
          message: "Batch processed",
          service: "tape",
          batchSize: 100,
          processingTime: 3.25,
          nested: { a: [1] },
          symbol: "币安",
          spans: { insert: 0 },
        },
      ])
    }),
  )

  it.effect("survives every kind of value, and shows no secret", () =>
    Effect.gen(function* () {
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      const lines = yield* written(
        Effect.andThen(
          Effect.logWarning("odd", { id: 7n }).pipe(
            Effect.annotateLogs({
              safe: 4294967296n,
              big: 2n ** 70n,
              none: undefined,
              nan: Number.NaN,
              url: new URL("ws://h/ws"),
              error: new Error("no"),
              password: Redacted.make("hunter2"),
              level: "mine",
            }),
          ),
          Effect.logWarning("circular").pipe(Effect.annotateLogs({ circular })),
        ),
      )
      const [odd, wrapped] = events(lines)
      assert.deepInclude(odd, {
        message: 'odd {"id":7}',
        safe: 4294967296,
        big: String(2n ** 70n),
        nan: "NaN",
        url: "ws://h/ws",
        error: "Error: no",
        level: "warn",
        level_: "mine",
      })
      assert.notInclude(lines.join(""), "hunter2")
      assert.include(JSON.stringify(wrapped), "circular")
    }),
  )

  it.effect("tells a cause in one sentence, and adds the stack at debug only", () =>
    Effect.gen(function* () {
      const log = Effect.logError("Insert failed", failure)
      const [event] = events(yield* written(log))
      assert.strictEqual(event?.["cause"], "Error: connect failed, caused by Error: ECONNREFUSED 127.0.0.1:5432")
      assert.notProperty(event, "stack")
      const [verbose] = events(yield* written(log, { level: "Debug" }))
      assert.include(String(verbose?.["stack"]), "Logs.test.ts")
      const [bug] = events(yield* written(Effect.logError("Bug", Cause.die(new TypeError("x is not a function")))))
      assert.match(String(bug?.["cause"]), /^TypeError: x is not a function \(at .*Logs\.test\.ts:\d+:\d+\)?\)$/)
      const refused = new AggregateError([new Error("ECONNREFUSED ::1"), new Error("ECONNREFUSED 127.0.0.1")])
      const [twice] = events(yield* written(Effect.logError("No", Cause.fail(refused))))
      assert.strictEqual(twice?.["cause"], "AggregateError: Error: ECONNREFUSED ::1, Error: ECONNREFUSED 127.0.0.1")
    }),
  )

  it.effect.each([
    ["Error", ["error"]],
    ["Warn", ["error", "warn"]],
    ["Info", ["error", "warn", "info"]],
    ["Debug", ["error", "warn", "info", "debug"]],
  ] satisfies ReadonlyArray<[LogLevel.LogLevel, Array<string>]>)("at %s writes %s", ([level, expected]) =>
    Effect.gen(function* () {
      const all = Effect.all([Effect.logError("a"), Effect.logWarning("a"), Effect.logInfo("a"), Effect.logDebug("a")])
      const lines = yield* written(Effect.asVoid(all), { level })
      assert.deepStrictEqual(
        events(lines).map((event) => event["level"]),
        expected,
      )
    }),
  )

  it.effect("is readable when pretty, on one line, without control characters", () =>
    Effect.gen(function* () {
      const log = Effect.logWarning("Feed lost\u001b[2J\nagain").pipe(
        Effect.annotateLogs({ attempt: 3, reason: "no frame\u009b for 30 s", host: "127.0.0.1" }),
        Logs.measurement,
      )
      const [line, ...others] = yield* written(log, { format: "pretty" })
      assert.deepStrictEqual(others, [])
      assert.match(
        line ?? "",
        /^\d\d:\d\d:\d\d\.000 WARN {2}Feed lost\\u001b\[2J\\nagain attempt=3 reason="no frame\\u009b for 30 s" host=127\.0\.0\.1$/,
      )
    }),
  )

  it.effect("has colours on a terminal only, and not where NO_COLOR is set", () =>
    Effect.gen(function* () {
      const before = process.env["NO_COLOR"]
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["NO_COLOR"]
          else process.env["NO_COLOR"] = before
        }),
      )
      delete process.env["NO_COLOR"]
      process.env["TERM"] = "xterm"
      const log = Effect.logInfo("hello")
      assert.include((yield* written(log, { format: "pretty" }, true))[0], "\u001b[32mINFO")
      assert.notInclude((yield* written(log, { format: "pretty" }, false))[0], "\u001b")
      assert.notInclude((yield* written(log, { format: "json" }, true))[0], "\u001b")
      process.env["NO_COLOR"] = "1"
      assert.notInclude((yield* written(log, { format: "pretty" }, true))[0], "\u001b")
    }),
  )

  it.effect("sorts events into three files, in JSON, complete when the layer is released", () =>
    Effect.gen(function* () {
      const dir = join(yield* temporaryFolder, "made", "by", "us")
      const lines = yield* written(
        Effect.gen(function* () {
          yield* Effect.forEach(Array.from({ length: 1000 }), (_, index) => Effect.logInfo(`line ${index}`))
          yield* Effect.logError("broken", failure)
          yield* Effect.logInfo("Batch processed").pipe(Effect.annotateLogs({ batchSize: 100 }), Logs.measurement)
        }),
        { dir, format: "pretty" },
      )
      assert.lengthOf(lines, 1002)
      const combined = events((yield* read(dir, "combined.log")).trimEnd().split("\n"))
      assert.lengthOf(combined, 1002)
      assert.deepStrictEqual(
        combined.slice(0, 1000).map((event) => event["message"]),
        Array.from({ length: 1000 }, (_, index) => `line ${index}`),
      )
      assert.deepStrictEqual(events((yield* read(dir, "error.log")).trimEnd().split("\n")), combined.slice(1000, 1001))
      const [measured, ...others] = events((yield* read(dir, "performance.log")).trimEnd().split("\n"))
      assert.deepInclude(measured, { message: "Batch processed", batchSize: 100, kind: "measurement" })
      assert.deepStrictEqual(others, [])
    }),
  )

  it.effect("appends to what is there, and starts a new file after a rotation", () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      yield* written(Effect.logInfo("one"), { dir })
      yield* written(Effect.logInfo("two"), { dir })
      yield* Effect.promise(() => rename(join(dir, "combined.log"), join(dir, "combined.log.1")))
      yield* written(Effect.logInfo("three"), { dir })
      assert.lengthOf((yield* read(dir, "combined.log.1")).trimEnd().split("\n"), 2)
      assert.lengthOf((yield* read(dir, "combined.log")).trimEnd().split("\n"), 1)
    }),
  )

  it.effect("says once that a file cannot be written any more, and once that it can", () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const path = join(dir, "combined.log")
      const lines = yield* written(
        Effect.gen(function* () {
          yield* Effect.promise(() => rm(path).then(() => mkdir(path)))
          for (let round = 0; round < 3; round++) {
            yield* Effect.logInfo("lost")
            yield* TestClock.adjust("250 millis")
            yield* settled
          }
          yield* Effect.promise(() => rm(path, { recursive: true }))
          yield* Effect.logInfo("kept")
        }),
        { dir },
      )
      const warnings = events(lines).filter((event) => event["level"] === "warn")
      assert.deepStrictEqual(
        warnings.map((event) =>
          String(event["message"])
            .replace(path, "FILE")
            .replace(/: .*\./, ": …"),
        ),
        ["LOG_DIR does not work, FILE cannot be written: …", "FILE is written again; 3 lines are missing in it"],
      )
      assert.include(yield* read(path), "kept")
    }),
  )

  it.effect("refuses a LOG_DIR that cannot be written to with one sentence", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(() => writeFile(join(folder, "file"), ""))
      const below = yield* Effect.flip(written(Effect.void, { dir: join(folder, "file", "logs") }))
      assert.strictEqual(below._tag, "LogDirUnwritable")
      assert.match(below.message, /^LOG_DIR does not work, .*logs cannot be written: ENOTDIR.* unset LOG_DIR\.$/)
      yield* Effect.promise(() => mkdir(join(folder, "error.log")))
      const folderThere = yield* Effect.flip(written(Effect.void, { dir: folder }))
      assert.match(folderThere.message, /error\.log cannot be written: EISDIR/)
    }),
  )
})

/** Lets the file system's callbacks run, which no clock controls. */
const settled = Effect.promise(() => readFile(new URL(import.meta.url)).then(() => undefined))
