import { Clock, Duration, Effect, Schedule } from "effect"
import { monotonicMillis } from "../feed/monotonicMillis.ts"
import type { ConnectionStatus } from "../feed/TradeFeed.ts"
import type { Rhythm } from "./Rhythm.ts"

/** A symbol that trades shows within this time, by the first id that follows or does not, whether anything was missed. */
const SILENT_FOR = Duration.seconds(30)

const LOOK = Duration.seconds(5)

export interface SilentSymbolsOptions {
  readonly connections: Effect.Effect<ReadonlyArray<ConnectionStatus>>
  readonly rhythm: Rhythm
  /**
   * Asks the exchange what the symbol traded; nobody waits for the answer, since one that does not come must not keep the others from
   * being asked.
   *
   * @param isStart whether this is its first connection: what was missed before it is no business of the stream.
   */
  readonly probe: (symbol: string, isStart: boolean) => Effect.Effect<unknown>
}

/** After each start and reconnect, asks about the symbols that stay silent, once for each connect. Never ends. */
export const watchSilentSymbols = ({ connections, probe, rhythm }: SilentSymbolsOptions) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    /** By connection: the moment of the connect whose silent symbols were asked about. */
    const asked = new Map<string, number>()
    const look = Effect.gen(function* () {
      const now = monotonicMillis(clock)
      for (const { name, reconnects, sinceMonotonic, state, symbols } of yield* connections) {
        const isDue = now - sinceMonotonic >= Duration.toMillis(SILENT_FOR) && asked.get(name) !== sinceMonotonic
        if (state !== "connected" || !isDue) continue
        asked.set(name, sinceMonotonic)
        for (const symbol of symbols) {
          if (!rhythm.hasTradedSince(symbol, sinceMonotonic)) yield* probe(symbol, reconnects === 0)
        }
      }
    })
    return yield* look.pipe(Effect.delay(LOOK), Effect.repeat(Schedule.forever))
  })
