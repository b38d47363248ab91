import { Effect } from "effect"
import { ProgramCommand, start } from "../../test/fixtures/service/Program.ts"
import { nodeWith } from "./built.ts"

export const contenderNames = ["floor", "fulltape", "binance", "ccxt"] as const

/** Who is measured. */
export type ContenderName = (typeof contenderNames)[number]

const files: Readonly<Record<ContenderName, string>> = {
  floor: "../dist/floor.js",
  fulltape: "../../dist/main.js",
  binance: "../dist/binance.js",
  ccxt: "../dist/ccxt.js",
}

/** Fulltape with a subscriber of its bus, as the peers call back. */
const withSubscriber: Readonly<Record<ContenderName, string>> = { ...files, fulltape: "../contenders/fulltapeBus.ts" }

export interface StartOptions {
  readonly name: ContenderName
  readonly env: Readonly<Record<string, string>>
  /** Whether it tells when trades reached its callback. */
  readonly subscribed: boolean
}

/** Starts a contender as a process of its own, for as long as the scope is open. */
export const startContender = ({ env, name, subscribed }: StartOptions) =>
  start([], { env: { ...env, ...(subscribed ? { BENCH_ARRIVALS: "1" } : {}) } }).pipe(
    Effect.provideService(ProgramCommand, nodeWith((subscribed ? withSubscriber : files)[name])),
  )
