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

/** What everybody is asked for. */
export const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]

export interface StartOptions {
  readonly name: ContenderName
  readonly database: { readonly url: string }
  readonly exchange: { readonly wsUrl: string; readonly restUrl: string }
  readonly batchSize: number
  /** Milliseconds. */
  readonly batchTimeout: number
  /** Whether it tells when trades reached its callback. */
  readonly subscribed?: boolean
  /** A folder that gets a CPU profile of it. */
  readonly profileTo?: string | undefined
}

/** Starts a contender as a process of its own, for as long as the scope is open. */
export const startContender = ({ name, profileTo, subscribed = false, ...options }: StartOptions) =>
  start([], {
    env: {
      DATABASE_URL: options.database.url,
      BINANCE_WS_URL: options.exchange.wsUrl,
      BINANCE_REST_URL: options.exchange.restUrl,
      BINANCE_SYMBOLS: symbols.join(","),
      BATCH_SIZE: String(options.batchSize),
      BATCH_TIMEOUT: String(options.batchTimeout),
      PORT: "0",
      NODE_DISABLE_COMPILE_CACHE: "1",
      ...(subscribed ? { BENCH_ARRIVALS: "1" } : {}),
      ...(profileTo === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileTo}` }),
    },
  }).pipe(Effect.provideService(ProgramCommand, nodeWith((subscribed ? withSubscriber : files)[name])))
