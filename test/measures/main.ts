/**
 * Measures on this machine: `npm run measure -- reconnect`, `repair`, `outage` and `commit` what docs/guarantees.md says in figures, `storage`
 * and `candles` what docs/storage.md does, `tracing` what docs/traces-and-logs.md does, `encoding` what docs/performance.md does. On the server that TEST_DATABASE_URL names, or an embedded one.
 * Nothing here is a test: figures depend on the machine and on what else runs on it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { candles } from "./candles.ts"
import { commit } from "./commit.ts"
import { encoding } from "./encoding.ts"
import { outage } from "./outage.ts"
import { reconnect } from "./reconnect.ts"
import { repair } from "./repair.ts"
import { server } from "./server.ts"
import { storage } from "./storage.ts"
import { tracing } from "./tracing.ts"

const measures = [
  Command.make("reconnect", {}, () => reconnect).pipe(
    Command.withDescription(
      "From the accepted handshake to the first commit, and the ids that a lost connection costs",
    ),
  ),
  Command.make("repair", {}, () => repair).pipe(
    Command.withDescription("Trades a minute that repair fetches, against what the exchange's weight limit allows"),
  ),
  Command.make("outage", {}, () => outage).pipe(
    Command.withDescription("How long a database that was away for 60 s at 5,000 trades/s takes to be level again"),
  ),
  Command.make("commit", {}, () => commit).pipe(
    Command.withDescription("The commit call against the bare insert of the same rows"),
  ),
  Command.make("candles", {}, () => candles).pipe(
    Command.withDescription(
      "A refresh of the candles while trades come and after a repair, and how quickly they are read",
    ),
  ),
  Command.make("storage", {}, () => storage).pipe(
    Command.withDescription(
      "A million trades: how quickly they are stored, what room they take, and that they are read back equal",
    ),
  ),
  Command.make("encoding", {}, () => encoding).pipe(
    Command.withDescription("What a trade costs where its frame is read and where its columns are written"),
  ),
  Command.make("tracing", {}, () => tracing).pipe(
    Command.withDescription("The processor time that traces cost the service at 20,000 trades a second"),
  ),
] as const

Command.make("measure").pipe(
  Command.withDescription("Measure this version on this machine"),
  Command.withSubcommands([...measures]),
  (command) => Command.run(command, { version: "1" }),
  Effect.provide(server),
  Effect.provide(NodeServices.layer),
  Effect.scoped,
  NodeRuntime.runMain,
)
