/**
 * Where Fulltape spends its time: `npm run bench:profile -- 20000` runs it at so many trades a second under V8's profiler and prints the
 * functions in which most of the time passed; the whole profile stays in bench/results for the developer tools.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Server } from "./harness/Server.ts"
import { trial } from "./harness/Trial.ts"
import { BATCH } from "./measures/atRates.ts"
import { selfTimes } from "./report/selfTimes.ts"

const MOST = 25

const folder = resolve("bench/results/profile")

Effect.gen(function* () {
  const rate = Number(process.argv[2] ?? 20_000)
  yield* Effect.sync(() => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
  })
  const { cpu } = yield* trial({
    name: "fulltape",
    rate,
    seed: "bench",
    seconds: 10,
    patience: 10,
    profileTo: folder,
    ...BATCH,
  })
  yield* Console.log(
    `${rate} trades/s, ${cpu.process.toFixed(1)} µs of CPU a trade while it was profiled; shares of the time that it was not idle:`,
  )
  const [file = ""] = readdirSync(folder)
  const found = selfTimes(readFileSync(join(folder, file), "utf8"))
  for (const { name, share, where } of found.slice(0, MOST))
    yield* Console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${name}  ${where}`)
}).pipe(Effect.provide(Server.layer), NodeRuntime.runMain)
