import { Deferred, Effect, Layer } from "effect"
import type { LatestPrice } from "../../../src/store/LatestPrices.ts"
import { Redis } from "../../../src/store/redis/Redis.ts"
import { RedisUnavailable } from "../../../src/store/redis/RedisUnavailable.ts"

/** How it behaves: it takes what it gets, refuses everything, or never answers. */
export type Mood = "well" | "refusing" | "hanging"

/** A Redis without a network, that keeps what it is given as the real one is asked to. */
export const fakeRedis = () => {
  const address = "fake:6379/0"
  const unavailable = (detail: string) => new RedisUnavailable({ address, detail })
  let lost = Deferred.makeUnsafe<never, RedisUnavailable>()
  const state = {
    mood: "well" as Mood,
    kept: new Map<string, LatestPrice>(),
    published: [] as Array<LatestPrice>,
    /** Prices of each command. */
    writes: [] as Array<ReadonlyArray<LatestPrice>>,
    /** Keys that are something else. */
    foreign: 0,
    connected: 0,
    pings: 0,
    /** Ends every connection. */
    loseConnections: Effect.suspend(() => {
      const ended = lost
      lost = Deferred.makeUnsafe()
      return Deferred.fail(ended, unavailable("connection lost"))
    }),
  }
  const asked = <A>(answer: () => A) =>
    Effect.suspend(() => {
      if (state.mood === "hanging") return Effect.never
      return state.mood === "refusing" ? Effect.fail(unavailable("refused")) : Effect.sync(answer)
    }).pipe(Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.fail(unavailable("no answer")) }))
  const connect = asked(() => {
    state.connected += 1
    return {
      write: (prices: ReadonlyArray<LatestPrice>) =>
        asked(() => {
          state.writes.push(prices)
          for (const price of prices) {
            if (price.id <= (state.kept.get(price.symbol)?.id ?? -1)) continue
            state.kept.set(price.symbol, price)
            state.published.push(price)
          }
          return state.foreign
        }),
      ping: asked(() => void (state.pings += 1)),
      lost: Deferred.await(lost),
    }
  })
  return { state, layer: Layer.succeed(Redis, { address, connect }) }
}
