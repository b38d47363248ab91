import { Clock, Duration, Effect, Schedule } from "effect"
import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import type { Rhythm } from "./Rhythm.ts"

/** A symbol that trades shows within this time, by the first id that follows or does not, whether anything was missed. */
const SILENT_FOR = Duration.seconds(30)

const LOOK = Duration.seconds(5)

export interface SilentSymbolsOptions {
  readonly connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>
  readonly rhythm: Rhythm
  /** Asks the exchange what the symbol traded. */
  readonly probe: (symbol: string) => Effect.Effect<unknown>
  /** Whether what was missed before the first connect is wanted. */
  readonly catchUp: boolean
}

/**
 * After each start and reconnect, asks about the symbols that stay silent, once for each connect. Nobody waits for an answer: one that
 * does not come must not keep the others from being asked. Never ends.
 */
export const watchSilentSymbols = ({ catchUp, connections, probe, rhythm }: SilentSymbolsOptions) =>
  Effect.suspend(() => {
    /** By connection: the moment of the connect whose silent symbols were asked about. */
    const asked = new Map<string, number>()
    return Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const { name, since, state, symbols } of yield* connections) {
        const isDue = state === "connected" && now - since >= Duration.toMillis(SILENT_FOR) && asked.get(name) !== since
        if (!isDue) continue
        const isWanted = catchUp || asked.has(name)
        asked.set(name, since)
        if (!isWanted) continue
        for (const symbol of symbols) {
          if (!rhythm.hasTradedSince(symbol, since)) yield* Effect.forkChild(probe(symbol))
        }
      }
    }).pipe(Effect.delay(LOOK), Effect.repeat(Schedule.forever))
  })
