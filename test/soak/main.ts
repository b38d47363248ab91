/**
 * The long run: `npm run soak -- --minutes 60 --rate 5000`. The built service stores what the simulator sends, each in a process of
 * its own, while its memory, its lag and its database are looked at; then every row is counted. On the server that TEST_DATABASE_URL
 * names, or an embedded one.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { withParent } from "../faults/withParent.ts"
import { ProgramCommand } from "../fixtures/service/Program.ts"
import { server } from "../measures/server.ts"
import { lackOfRoom } from "./room.ts"
import { soak } from "./Soak.ts"
import { judge, linesOf } from "./Verdict.ts"

const built = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

class SoakFailed extends Schema.TaggedError<SoakFailed>()("SoakFailed", {}) {}

const above0 = (value: number): boolean => value > 0
const notAbove0 = (value: number): string => `${value} is not above 0`

const flags = {
  minutes: Flag.Finite("minutes").pipe(
    Flag.withDescription("How long; memory is judged from 30 minutes on"),
    Flag.filter(above0, notAbove0),
    Flag.withDefault(60),
  ),
  rate: Flag.Int("rate").pipe(
    Flag.withDescription("Trades a second, of six symbols together"),
    Flag.filter(above0, notAbove0),
    Flag.withDefault(5_000),
  ),
  out: Flag.String("out").pipe(
    Flag.withDescription("The folder that gets soak.csv and soak.svg"),
    Flag.withDefault("soak"),
  ),
}

const command = Command.make("soak", flags, ({ minutes, out, rate }) =>
  Effect.gen(function* () {
    const embedded = (process.env["TEST_DATABASE_URL"] ?? "") === ""
    const lack = embedded ? lackOfRoom(minutes * 60 * rate) : undefined
    if (lack !== undefined) {
      yield* Console.error(lack)
      return yield* new SoakFailed()
    }
    const evidence = yield* soak({ minutes, rate, out: resolve(out) })
    for (const line of linesOf(evidence)) yield* Console.log(line)
    const problems = judge(evidence)
    for (const problem of problems) yield* Console.log(`WRONG: ${problem}`)
    if (problems.length > 0) return yield* new SoakFailed()
  }).pipe(
    Effect.scoped,
    Effect.provide(server),
    Effect.tapDefect((defect) => Console.error(defect instanceof Error ? defect.message : String(defect))),
    Effect.provideService(ProgramCommand, [...withParent, process.execPath, built]),
  ),
).pipe(
  Command.withDescription("Store trades for a long time, and show that memory stays flat and that none is missing"),
)

Command.run(command, { version: "" }).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
