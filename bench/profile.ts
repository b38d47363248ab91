/**
 * Where Fulltape spends its time: `npm run bench:profile -- 20000` runs it at so many trades a second under V8's profiler and prints the
 * functions in which most of the time passed; the whole profile stays in bench/results for the developer tools. `-- repair` has it catch up
 * instead.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Server } from "./harness/Server.ts"
import { trial } from "./harness/Trial.ts"
import { BATCH } from "./measures/atRates.ts"
import { repair } from "./measures/repair.ts"
import { fullPlan } from "./Plan.ts"
import { selfTimes, sharesOf } from "./report/selfTimes.ts"

const MOST = 25

const folder = resolve("bench/results/profile")

const [, , asked = "20000"] = process.argv

/** What was profiled, and the µs of CPU that a trade took. */
const profiled = Effect.gen(function* () {
  if (asked === "repair") {
    const [{ cpu }] = yield* repair(fullPlan, "bench", folder)
    return { what: "repair", micros: cpu.process }
  }
  const { cpu } = yield* trial({
    name: "fulltape",
    rate: Number(asked),
    seed: "bench",
    seconds: 10,
    patience: 10,
    profileTo: folder,
    ...BATCH,
  })
  return { what: `${asked} trades/s`, micros: cpu.process }
})

Effect.gen(function* () {
  yield* Effect.sync(() => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
  })
  const { micros, what } = yield* profiled
  yield* Console.log(
    `${what}, ${micros.toFixed(1)} µs of CPU a trade while it was profiled; shares of the time that it was not idle:`,
  )
  const [file = ""] = readdirSync(folder)
  const found = selfTimes(readFileSync(join(folder, file), "utf8"))
  const percent = (share: number) => `${(share * 100).toFixed(1).padStart(5)} %`
  for (const [place, share] of sharesOf(found).filter(([, share]) => share >= 0.01))
    yield* Console.log(`${percent(share)}  ${place}`)
  yield* Console.log("")
  for (const { name, share, where } of found.slice(0, MOST)) yield* Console.log(`${percent(share)}  ${name}  ${where}`)
}).pipe(Effect.provide(Server.layer), NodeRuntime.runMain)
