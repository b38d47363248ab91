import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit } from "effect"
import { CliConfig, CliError, Command, GlobalFlag } from "effect/cli"
import { demo } from "./demo.ts"
import { health } from "./health.ts"
import { ingest } from "./ingest.ts"
import { migrate } from "./migrate.ts"
import { sentence, wasReported } from "./Reported.ts"
import { exitAtSecondSignal, stopWithNpm } from "./signals.ts"
import { serve, serving } from "./serve.ts"
import { simulate } from "./simulate.ts"
import { verify } from "./verify.ts"
import { version } from "../version.ts"
import { Settings } from "../Settings.ts"

const fulltape = Command.make("fulltape", {}, () => Effect.provide(serving, Settings.layer())).pipe(
  Command.withDescription("Every Binance trade, exactly once, in your own PostgreSQL"),
  Command.withSubcommands([serve, ingest, migrate, verify, health, simulate, demo]),
)

exitAtSecondSignal()
stopWithNpm()

Command.run(fulltape, { version }).pipe(
  // The level of the logs is a setting, LOG_LEVEL, and needs no flag beside it.
  Effect.provide(CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })),
  Effect.provide(NodeServices.layer),
  Effect.onExit((exit) => (Exit.isFailure(exit) ? tell(exit.cause) : Effect.void)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCode(exit)),
  }),
)

/** Standard error gets one sentence, unless the logs have told it or the command line was explained. */
function tell(cause: Cause.Cause<unknown>): Effect.Effect<void> {
  return Cause.hasInterruptsOnly(cause) || wasReported(cause) || CliError.isCliError(Cause.squash(cause))
    ? Effect.void
    : Console.error(`fulltape: ${sentence(cause)}`)
}

/** To be stopped is how a service ends well; a command that was to answer something has not answered. */
function exitCode(exit: Exit.Exit<unknown, unknown>): number {
  if (Exit.isSuccess(exit)) return 0
  if (!Cause.hasInterruptsOnly(exit.cause)) return 1
  return ["verify", "migrate", "health"].includes(process.argv[2] ?? "") ? 130 : 0
}
