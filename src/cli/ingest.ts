import { Effect } from "effect"
import { Command } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { Settings } from "../Settings.ts"
import { reported } from "./Reported.ts"
import { keepTrying, settingsOf, storing } from "./storing.ts"

export const ingest = Command.make("ingest", { keepTrying }, ({ keepTrying }) =>
  storing.pipe(
    Effect.provide(Fulltape.pipeline),
    reported,
    Effect.provide(Fulltape.telemetry),
    Effect.provide(Settings.layer(settingsOf(keepTrying))),
  ),
).pipe(Command.withDescription("Store trades, without HTTP"))
