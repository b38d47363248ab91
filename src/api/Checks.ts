import { Clock, Context, Effect, Layer, Result } from "effect"
import { type ConnectionStatus, TradeFeed } from "../feed/TradeFeed.ts"
import { Ingest } from "../ingest/Ingest.ts"
import { Flavour } from "../store/Flavour.ts"
import { TradeStore } from "../store/TradeStore.ts"
import type { BinanceCheck, Connection, DatabaseCheck, PipelineCheck } from "./HealthGroup.ts"

/** However many ask, the database is asked once in this time. */
const DATABASE_ANSWER_HOLDS = "1 second"

/** Whether the parts of the service work. No check fails, and none shows a secret. */
export class Checks extends Context.Service<
  Checks,
  {
    readonly pipeline: Effect.Effect<PipelineCheck>
    /** Takes as long as the database needs to answer, or its timeout. */
    readonly database: Effect.Effect<DatabaseCheck>
    readonly binance: Effect.Effect<BinanceCheck>
  }
>()("fulltape/api/Checks") {
  static readonly layer = Layer.effect(
    Checks,
    Effect.gen(function* () {
      const feed = yield* TradeFeed
      const ingest = yield* Ingest
      const store = yield* TradeStore
      const { name: flavour, version } = yield* Flavour

      let found: Pick<DatabaseCheck, "status" | "since"> | undefined
      const database = yield* Effect.gen(function* () {
        const answer = yield* Effect.result(store.ping)
        const status = Result.isSuccess(answer) ? "up" : "down"
        if (found?.status !== status) found = { status, since: iso(yield* Clock.currentTimeMillis) }
        const detail = Result.isSuccess(answer) ? "The database answers." : unanswered(answer.failure.detail)
        return { status, since: found.since, detail, flavour, version } as const
      }).pipe(Effect.cachedWithTTL(DATABASE_ANSWER_HOLDS))

      return Checks.of({
        pipeline: Effect.map(ingest.isRunning, pipelineCheck),
        database,
        binance: Effect.gen(function* () {
          return binanceCheck(yield* feed.connections, yield* Clock.currentTimeMillis)
        }),
      })
    }),
  )
}

const pipelineCheck = (running: boolean): PipelineCheck =>
  running
    ? { status: "up", detail: "The pipeline from the exchange to the database runs." }
    : {
        status: "down",
        detail: "No trade is being stored: the service is starting or stopping. Its log says why, should it stay so.",
      }

const unanswered = (why: string): string =>
  `The database does not answer: ${why.replace(/\.$/, "")}. Check that PostgreSQL runs and accepts connections; trades are stored again as soon as it does.`

const binanceCheck = (connections: ReadonlyArray<ConnectionStatus>, now: number): BinanceCheck => {
  const lost = connections.filter(({ state }) => state !== "connected")
  const decisive = lost.length > 0 ? Math.min(...lost.map(sinceOf)) : Math.max(...connections.map(sinceOf))
  const up = connections.length > 0 && lost.length === 0
  return {
    status: up ? "up" : "down",
    since: connections.length === 0 ? null : iso(decisive),
    detail: up
      ? `${connections.length === 1 ? "The connection" : `Each of the ${connections.length} connections`} to the exchange is up.`
      : connections.length === 0
        ? "No connection to the exchange was opened yet."
        : lost.map(disconnected).join(" "),
    connections: connections.map((status) => connection(status, now)),
  }
}

const disconnected = ({ host, lastLoss, since, symbols }: ConnectionStatus): string => {
  const what = `No trades of ${symbols.join(", ")} arrive since ${iso(since)}`
  return lastLoss === undefined
    ? `${what}: ${host} is being dialled for the first time.`
    : `${what}: ${lastLoss} The service keeps trying; check the network and BINANCE_WS_URL if this lasts.`
}

const connection = (
  { lastFrameAt, lastLoss, nextRotationAt, since, ...status }: ConnectionStatus,
  now: number,
): Connection => ({
  ...status,
  since: iso(since),
  nextRotation: nextRotationAt === undefined ? null : iso(nextRotationAt),
  secondsSinceLastFrame: lastFrameAt === undefined ? null : Math.max(0, now - lastFrameAt) / 1000,
  lastLoss: lastLoss ?? null,
})

const sinceOf = ({ since }: ConnectionStatus): number => since

const iso = (millis: number): string => new Date(millis).toISOString()
