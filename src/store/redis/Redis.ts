import { Array, Context, Deferred, Duration, Effect, Layer, Redacted, type Scope } from "effect"
import type { LatestPrice } from "../LatestPrices.ts"
import { RedisUnavailable } from "./RedisUnavailable.ts"
import { setNewer } from "./setNewer.ts"

/** One that accepts a connection, or a command, and says nothing is as good as away. */
const PATIENCE = Duration.seconds(2)

/** Prices of one command: Redis does nothing else meanwhile, some 0.2 ms. */
const MOST_AT_ONCE = 100

/** A connection. Any failure is the end of it. */
export interface RedisConnection {
  /** Sets and publishes those of the prices that are newer than what Redis has; gives how many keys hold something else, and were left alone. */
  write(prices: ReadonlyArray<LatestPrice>): Effect.Effect<number, RedisUnavailable>
  /** Whether it still answers. */
  readonly ping: Effect.Effect<void, RedisUnavailable>
  /** Fails when the connection is lost. */
  readonly lost: Effect.Effect<never, RedisUnavailable>
}

/** Where the latest prices are published. */
export class Redis extends Context.Service<
  Redis,
  {
    /** Host, port and number of the database, without credentials. */
    readonly address: string
    /** A new connection, which ends with the scope and without a wait. It never connects again by itself. */
    readonly connect: Effect.Effect<RedisConnection, RedisUnavailable, Scope.Scope>
  }
>()("fulltape/store/Redis") {
  /**
   * Over the client that Effect's own `NodeRedis` uses, and not over that: its layer fails where Redis is away when the service starts, waits
   * for commands without an answer when it is closed, and logs each attempt.
   *
   * @param options.market whose prices these are: ids of two markets never meet under one key.
   */
  static readonly layer = (options: { readonly url: Redacted.Redacted<string>; readonly market: string }) =>
    Layer.succeed(Redis, { address: addressOf(options.url), connect: connect(options) })
}

const connect = Effect.fnUntraced(function* (options: {
  readonly url: Redacted.Redacted<string>
  readonly market: string
}) {
  const address = addressOf(options.url)
  const unavailable = (cause: unknown) => new RedisUnavailable({ address, detail: detailOf(cause) })
  const inTime = <A>(effect: Effect.Effect<A, RedisUnavailable>) =>
    Effect.timeoutOrElse(effect, {
      duration: PATIENCE,
      orElse: () =>
        Effect.fail(new RedisUnavailable({ address, detail: `no answer within ${Duration.format(PATIENCE)}` })),
    })
  const lost = yield* Deferred.make<never, RedisUnavailable>()
  // Loaded where it is needed: it takes a tenth of a second.
  const { createClient } = yield* Effect.promise(() => import("@redis/client"))
  const client = yield* Effect.acquireRelease(
    Effect.sync(() =>
      createClient({
        url: Redacted.value(options.url),
        name: "fulltape",
        // The protocol that every version speaks.
        RESP: 2,
        maintNotifications: "disabled",
        disableOfflineQueue: true,
        socket: { reconnectStrategy: false, connectTimeout: Duration.toMillis(PATIENCE) },
      }).on("error", (cause) => Deferred.doneUnsafe(lost, Effect.fail(unavailable(cause)))),
    ),
    (client) => Effect.sync(() => client.destroy()),
  )
  yield* inTime(Effect.tryPromise({ try: () => client.connect(), catch: unavailable }))

  const command = (words: ReadonlyArray<string>) =>
    inTime(Effect.tryPromise({ try: () => client.sendCommand<unknown>([...words]), catch: unavailable }))

  const writeSome = Effect.fnUntraced(function* (prices: ReadonlyArray<LatestPrice>) {
    const answer = yield* command(setNewer(options.market, prices))
    const [failed, why] = Array.isArray(answer) ? answer : []
    if (failed === 0) return 0
    if (String(why).startsWith("WRONGTYPE")) return Number(failed)
    return yield* unavailable(`${failed} of ${prices.length} prices were not taken, ${why}`)
  })

  const connection: RedisConnection = {
    // Commands that are made at once leave together.
    write: (prices) =>
      Effect.forEach(Array.chunksOf(prices, MOST_AT_ONCE), writeSome, { concurrency: "unbounded" }).pipe(
        Effect.map((foreign) => foreign.reduce((sum, some) => sum + some, 0)),
      ),
    ping: Effect.asVoid(command(["PING"])),
    lost: Deferred.await(lost),
  }
  return connection
})

const addressOf = (url: Redacted.Redacted<string>): string => {
  const { hostname, pathname, port } = new URL(Redacted.value(url))
  return `${hostname}:${port === "" ? "6379" : port}/${pathname.slice(1) || "0"}`
}

/** In words; a connection that failed over each of the addresses of its host says so in a list. */
const detailOf = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(detailOf).join(", ")
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "")
}
