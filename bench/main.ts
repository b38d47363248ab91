/**
 * The bench: `npm run bench`, or `npm run bench -- --quick` to see that it works. Fulltape beside the least that does the work and beside two
 * clients that one could use instead, each in a process of its own, against the same simulator and the same PostgreSQL.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { mkdirSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { busySeconds, cpuSecondsWithChildren } from "./harness/cpu.ts"
import { Server } from "./harness/Server.ts"
import { atRates } from "./measures/atRates.ts"
import { cuts } from "./measures/cuts.ts"
import { importedMebibytes } from "./measures/imports.ts"
import { repair } from "./measures/repair.ts"
import { subscribers } from "./measures/subscribers.ts"
import { sustained } from "./measures/sustained.ts"
import { type Part, parts } from "./parts.ts"
import { fullPlan, quickPlan } from "./Plan.ts"
import { chartsOf } from "./report/charts.ts"
import { problemsOf } from "./report/problems.ts"
import { Report } from "./report/Report.ts"
import { machine, versions } from "./report/surroundings.ts"
import { tablesOf } from "./report/tables.ts"

class BenchFailed extends Schema.TaggedError<BenchFailed>()("BenchFailed", {}) {}

const flags = {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Hardly anything of everything: whether the bench works, not how fast anything is"),
    Flag.withDefault(false),
  ),
  only: Flag.Literals("only", parts).pipe(Flag.withDescription("Measure this part alone"), Flag.optional),
  seed: Flag.String("seed").pipe(Flag.withDescription("What the market is made from"), Flag.withDefault("bench")),
  out: Flag.String("out").pipe(
    Flag.withDescription("The folder that gets bench.json and the charts"),
    Flag.withDefault("bench/results"),
  ),
}

interface Asked {
  readonly quick: boolean
  readonly only: Option.Option<Part>
  readonly seed: string
}

const measured = Effect.fnUntraced(function* ({ only, quick, seed }: Asked) {
  const startedAt = new Date().toISOString()
  const began = performance.now()
  const plan = quick ? quickPlan : fullPlan
  const server = yield* Server
  const surroundings = machine()
  const othersSeconds = () => busySeconds() - cpuSecondsWithChildren(process.pid) - cpuSecondsWithChildren(server.pid)
  const before = othersSeconds()
  const asked = parts.filter((name) => Option.getOrElse(only, () => name) === name)
  const part = <A, E, R>(name: Part, title: string, effect: Effect.Effect<ReadonlyArray<A>, E, R>) =>
    asked.includes(name) ? Effect.andThen(Console.error(title), effect) : Effect.succeed([])
  const found = {
    imports: yield* part("imports", "Imports", importedMebibytes),
    atRates: yield* part("rates", "Latency, CPU, memory and start", atRates(plan, seed)),
    subscribers: yield* part("subscribers", "Subscribers", subscribers(plan, seed)),
    cuts: yield* part("cuts", "Cuts", cuts(plan, seed)),
    repair: yield* part("repair", "Repair", repair(plan, seed)),
    sustained: yield* part("sustained", "Sustained", sustained(plan, seed)),
  }
  const seconds = (performance.now() - began) / 1000
  const othersCores = Math.max(0, (othersSeconds() - before) / seconds)
  return {
    command: `npm run bench --${quick ? " --quick" : ""}${Option.isSome(only) ? ` --only ${only.value}` : ""} --seed ${seed}`,
    quick,
    parts: asked,
    seed,
    startedAt,
    seconds: Math.round(seconds),
    machine: { ...surroundings, othersCores },
    versions: versions(server.version),
    ...found,
  }
})

const command = Command.make("bench", flags, ({ only, out, quick, seed }) =>
  Effect.gen(function* () {
    const folder = resolve(out)
    const found = yield* measured({ only, quick, seed })
    const json = `${JSON.stringify(found, undefined, 2)}\n`
    yield* Effect.sync(() => {
      mkdirSync(folder, { recursive: true })
      writeFileSync(resolve(folder, "bench.json"), json)
    })
    const report = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(json)
    yield* Effect.sync(() =>
      Object.entries(chartsOf(report)).forEach(([name, svg]) => writeFileSync(resolve(folder, name), svg)),
    )
    yield* Console.log(tablesOf(report))
    yield* Console.log(
      `${report.command}: ${report.seconds} s, other programs took ${report.machine.othersCores.toFixed(2)} cores meanwhile, written to ${folder}`,
    )
    const problems = problemsOf(report)
    for (const problem of problems) yield* Console.error(`WRONG: ${problem}`)
    if (problems.length > 0) return yield* new BenchFailed()
  }).pipe(
    Effect.provide(Server.layer),
    Effect.tapCause((cause) => Console.error(String(cause))),
  ),
).pipe(Command.withDescription("Measure Fulltape beside what one would use instead"))

Command.run(command, { version: "" }).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
