/**
 * Proves that every trade is stored exactly once whatever dies: plays seeded schedules of faults on every side of a service,
 * one after the other, and compares what is stored with what the simulator made.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import { ProgramCommand } from "../fixtures/service/Program.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"
import { givenServer } from "./givenServer.ts"
import { allKinds, kinds, kindsNamed, needsOwnServer } from "./Kind.ts"
import { npmServer } from "./npmServer.ts"
import { report } from "./report.ts"
import { LIMIT, run } from "./Run.ts"
import { makeSchedule } from "./Schedule.ts"
import { timescaleServer } from "./timescaleServer.ts"
import { withParent } from "./withParent.ts"

const built = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

/** Those that a run starts for itself. */
const servers = { npm: npmServer, timescale: timescaleServer }

class SeedsFailed extends Schema.TaggedError<SeedsFailed>()("SeedsFailed", {}) {}

const flags = {
  runs: Flag.Int("runs").pipe(
    Flag.withDescription("How many seeds, one after the other"),
    Flag.filter(
      (runs) => runs > 0,
      (runs) => `${runs} is not above 0`,
    ),
    Flag.withDefault(100),
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("The first seed"),
    Flag.filter(
      (seed) => seed >= 0,
      (seed) => `${seed} is below 0`,
    ),
    Flag.withDefault(1),
  ),
  limit: Flag.Int("limit").pipe(
    Flag.withDescription("Seconds that a seed may take, its check included; more where the machine is busy"),
    Flag.withDefault(LIMIT),
  ),
  only: Flag.String("only").pipe(
    Flag.withDescription(`Kinds of faults, or ${Object.keys(kinds).join(", ")}, separated by commas`),
    Flag.filter(
      (text) => kindsNamed(namesIn(text)) !== undefined,
      (text) => `${text} names something else than ${allKinds.join(", ")}`,
    ),
    Flag.withDefault(""),
  ),
  server: Flag.Literals("server", ["npm", "timescale"]).pipe(
    Flag.withDescription(
      "A server for the run: PostgreSQL of npm's packages, or Debian's TimescaleDB; otherwise that of TEST_DATABASE_URL, and npm's without one",
    ),
    Flag.optional,
  ),
}

const namesIn = (text: string): ReadonlyArray<string> => text.split(",").flatMap((name) => name.trim() || [])

const command = Command.make("test:faults", flags, ({ limit, only, runs, seed, server: named }) =>
  Effect.gen(function* () {
    const address = process.env["TEST_DATABASE_URL"] ?? ""
    const own = Option.getOrUndefined(named) ?? (address === "" ? "npm" : undefined)
    const server: DatabaseServer = yield* own === undefined ? givenServer(address) : servers[own]
    const wanted = only === "" ? allKinds : (kindsNamed(namesIn(only)) ?? [])
    const among = server.outage === undefined ? wanted.filter((kind) => !needsOwnServer.has(kind)) : wanted
    yield* Console.log(`On ${server.description}`)
    if (among.length < wanted.length)
      yield* Console.log(`It is not ours to stop: without ${[...needsOwnServer].join(" and ")}`)
    const again = [
      ...(only === "" ? [] : ["--only", only]),
      ...Option.match(named, { onNone: () => [], onSome: (name) => ["--server", name] }),
    ]
    let failed = 0
    for (let next = seed; next < seed + runs; next++) {
      const outcome = yield* run(makeSchedule(next, among), server, limit)
      if (outcome.problems.length > 0) failed += 1
      yield* Console.log(report(outcome, again))
    }
    yield* Console.log(`${runs - failed} passed, ${failed} failed`)
    if (failed > 0) return yield* new SeedsFailed()
  }).pipe(
    Effect.tapError((error) => (error._tag === "ServerUnavailable" ? Console.error(error.message) : Effect.void)),
    Effect.scoped,
    Effect.provideService(ProgramCommand, [...withParent, process.execPath, built]),
  ),
).pipe(Command.withDescription("Store every trade exactly once, whatever dies: seeded faults on every side"))

Command.run(command, { version: "" }).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
