import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { Settings, type SettingsOptions } from "../Settings.ts"
import { serving } from "./serve.ts"

/** Trades a second over all symbols: what Binance's whole spot market averages. */
const RATE = 500

/** What the demo keeps apart from a live database, whatever `.env` says. */
const settings: SettingsOptions = {
  dataFolder: "demo",
  defaults: { LOG_FORMAT: "pretty" },
  fixed: { DATABASE_URL: "", BINANCE_REST_URL: "", BINANCE_WS_URL: "ws://127.0.0.1/ws" },
}

/** The settings, with the simulator in the exchange's place. */
const simulated = Effect.gen(function* () {
  // Loaded here, so that the service, which is in this program too, does without.
  const { Simulator } = yield* Effect.promise(() => import("../simulator/Simulator.ts"))
  const withSimulator = Effect.gen(function* () {
    const settings = yield* Settings
    const { restUrl, wsUrl } = yield* Simulator
    return { ...settings, binance: { ...settings.binance, wsUrl: new URL(wsUrl), restUrl: new URL(restUrl) } }
  })
  return Layer.effect(Settings, withSimulator).pipe(
    // Always the same symbols at the same rate, whatever BINANCE_SYMBOLS picks: others make another market, with other ids.
    Layer.provide(Simulator.layer({ port: 0, rate: RATE })),
    Layer.provide(Settings.layer(settings)),
  )
}).pipe(Layer.unwrap)

export const demo = Command.make("demo", {}, () => Effect.provide(serving, simulated)).pipe(
  Command.withDescription("Store trades of a made-up market in an embedded database: needs no network"),
)
