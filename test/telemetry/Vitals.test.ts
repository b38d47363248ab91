import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import { tmpdir } from "node:os"
import { statfsSync } from "node:fs"
import { performance } from "node:perf_hooks"
import * as Gauges from "../../src/telemetry/Gauges.ts"
import * as Vitals from "../../src/telemetry/Vitals.ts"
import { inNewRegistry } from "../fixtures/inNewRegistry.ts"

const valueOf = (gauge: Metric.Gauge<number>) => Effect.map(Metric.value(gauge), ({ value }) => value)

/** Real time, for what the system itself measures and answers. */
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Lets the system go on until the gauge is met, and test time with it. */
const until = (gauge: Metric.Gauge<number>, met: (value: number) => boolean) =>
  Effect.gen(function* () {
    while (!met(yield* valueOf(gauge))) {
      yield* turn
      yield* TestClock.adjust("1 second")
    }
    return yield* valueOf(gauge)
  })

const occupy = (millis: number) =>
  Effect.sync(() => {
    for (const end = performance.now() + millis; performance.now() < end;) continue
  })

/** What a window of half a second shows that is filled with the effect, once that is met. */
const delayWhile = (effect: Effect.Effect<void>, met: (seconds: number) => boolean) =>
  Effect.gen(function* () {
    while (true) {
      for (const end = performance.now() + 500; performance.now() < end;) yield* effect
      yield* TestClock.adjust("10 seconds")
      const seconds = yield* valueOf(Gauges.eventLoopDelay)
      if (met(seconds)) return seconds
    }
  })

describe("Vitals", () => {
  it.effect("tells how much room there is under DATA_DIR", () =>
    Effect.gen(function* () {
      yield* Layer.build(Vitals.layer({ dataDir: tmpdir() }))
      const free = yield* until(Gauges.dataDiskFree, (bytes) => bytes > 0)
      const { bavail, bsize } = statfsSync(tmpdir())
      assert.closeTo(free, bavail * bsize, 0.2 * bavail * bsize)
      assert.isAbove(yield* valueOf(Gauges.heapUsed), 1_000_000)
    }).pipe(Effect.scoped, inNewRegistry),
  )

  it.effect("does not make up the room of a disk that is not there", () =>
    Effect.gen(function* () {
      yield* Layer.build(Vitals.layer({ dataDir: "/nowhere/at/all" }))
      yield* until(Gauges.dataDiskFree, Number.isNaN)
    }).pipe(Effect.scoped, inNewRegistry),
  )

  it.effect("tells by how much the event loop is late, which is nothing while it is idle", () =>
    Effect.gen(function* () {
      yield* Layer.build(Vitals.layer({ dataDir: tmpdir() }))
      const late = yield* delayWhile(Effect.andThen(occupy(100), turn), (seconds) => seconds > 0.07)
      assert.isBelow(late, 5)
      assert.isBelow(yield* delayWhile(turn, (seconds) => seconds < 0.07), 0.07)
    }).pipe(Effect.scoped, inNewRegistry),
  )
})
