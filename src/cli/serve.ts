import { Effect } from "effect"
import { Command } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { Settings } from "../Settings.ts"
import { reported } from "./Reported.ts"
import { keepTrying, settingsOf, storing } from "./storing.ts"

/** Stores trades and answers over HTTP, within the settings that are provided. */
export const serving = storing.pipe(Effect.provide(Fulltape.service), reported, Effect.provide(Fulltape.telemetry))

export const serve = Command.make("serve", { keepTrying }, ({ keepTrying }) =>
  Effect.provide(serving, Settings.layer(settingsOf(keepTrying))),
).pipe(Command.withDescription("Store trades, and answer /health and /metrics (the default)"))
