/**
 * One trial alone: `npm run bench:trial -- fulltape --rate 20000`. To compare two versions, or two settings, before the whole bench tells.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { contenderNames } from "./harness/Contender.ts"
import { Server } from "./harness/Server.ts"
import { trial } from "./harness/Trial.ts"
import { BATCH } from "./measures/atRates.ts"
import { fullPlan } from "./Plan.ts"

const input = {
  name: Argument.Literals("contender", contenderNames),
  rate: Flag.Int("rate").pipe(Flag.withDescription("Trades a second"), Flag.withDefault(20_000)),
  batchSize: Flag.Int("batch-size").pipe(Flag.withDescription("BATCH_SIZE"), Flag.withDefault(BATCH.batchSize)),
  batchTimeout: Flag.Int("batch-timeout").pipe(
    Flag.withDescription("BATCH_TIMEOUT, milliseconds"),
    Flag.withDefault(BATCH.batchTimeout),
  ),
  subscribed: Flag.Boolean("subscribed").pipe(
    Flag.withDescription("With a callback that notes when trades reach it"),
    Flag.withDefault(false),
  ),
}

const command = Command.make("trial", input, (options) =>
  trial({ ...options, seed: "bench", seconds: fullPlan.seconds, patience: fullPlan.patience }).pipe(
    Effect.flatMap((found) => Console.log(JSON.stringify(found, undefined, 2))),
    Effect.provide(Server.layer),
  ),
).pipe(Command.withDescription("Measure one contender at one rate"))

Command.run(command, { version: "" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
