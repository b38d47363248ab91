import { Cause, Clock, Deferred, Duration, Effect, Exit, Layer, Metric, Schedule } from "effect"
import { TradeFeed } from "../feed/TradeFeed.ts"
import { Ingest } from "../ingest/Ingest.ts"
import { Flavour } from "../store/Flavour.ts"
import { StoreError } from "../store/StoreError.ts"
import { TradeStore } from "../store/TradeStore.ts"
import * as Gauges from "../telemetry/Gauges.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { binanceDetail, binanceStatus, lastTrades, shownConnection } from "./binanceCheck.ts"
import { Checks } from "./Checks.ts"
import { completeness, problemsOf } from "./Completeness.ts"
import type { DatabaseCheck } from "./HealthChecks.ts"
import { pipelineDetail } from "./pipelineDetail.ts"
import { recently } from "./recently.ts"
import { repairCheck } from "./repairCheck.ts"
import { makeSpillCheck } from "./spillCheck.ts"

/** How often every part is looked at, whether anybody asks or not: so precise is `since`. */
const LOOK = Duration.seconds(1)

/** Has the checks answer by what the pipeline does. They wait for nothing but the very first look at the database. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { answerBy, statuses } = yield* Checks
    const feed = yield* TradeFeed
    const ingest = yield* Ingest
    const store = yield* TradeStore
    const { name: flavour, version } = yield* Flavour
    const begun = yield* Clock.currentTimeMillis
    const looked = yield* Deferred.make<void>()
    let found: DatabaseCheck | undefined

    const lookAtDatabase = Effect.gen(function* () {
      const askedAt = yield* Clock.currentTimeMillis
      const answer = yield* Effect.exit(Effect.withTracerEnabled(store.ping, false))
      const isUp = Exit.isSuccess(answer)
      const status = isUp ? "up" : "down"
      // One that hangs was down when it was asked.
      const { since } = statuses.note("database", status, isUp ? yield* Clock.currentTimeMillis : askedAt)
      const detail = isUp ? "The database answers." : unanswered(answer.cause)
      found = { status, since, detail, flavour, version }
      yield* Metric.update(Gauges.databaseUp, isUp ? 1 : 0)
      yield* Deferred.succeed(looked, undefined)
    })
    const database: Effect.Effect<DatabaseCheck> = Effect.suspend(() =>
      found === undefined ? Effect.andThen(Deferred.await(looked), database) : Effect.succeed(found),
    )

    const pipeline = Effect.map(ingest.state, ({ name, since }) => ({
      ...statuses.note("pipeline", name === "running" ? "up" : "down", since),
      detail: pipelineDetail[name],
    }))

    const binance = Effect.gen(function* () {
      const connections = yield* feed.connections
      const now = yield* Clock.currentTimeMillis
      const { began = begun, status } = binanceStatus(connections)
      return {
        ...statuses.note("binance", status, began),
        detail: binanceDetail(connections),
        connections: connections.map((connection) => shownConnection(connection, now)),
        symbols: lastTrades(connections, yield* ingest.newest, now),
      }
    })

    const countConnections = Effect.gen(function* () {
      const connections = yield* feed.connections
      for (const state of ["connected", "connecting", "waiting"] as const)
        yield* Metric.update(Gauges.connections[state], connections.filter((one) => one.state === state).length)
    })

    const spill = yield* makeSpillCheck(statuses)
    const repair = repairCheck(statuses)
    const numbersAnew = yield* recently(Metrics.tradesRegressed, "1 hour")
    const parts = Effect.all({ pipeline, database, binance, spill, repair })

    const live = Effect.gen(function* () {
      const { name, since } = yield* ingest.state
      const status = name === "ended" ? "down" : "up"
      return {
        ...statuses.note("live", status, status === "up" ? begun : since),
        detail: pipelineDetail[name],
      } as const
    })

    const ready = Effect.gen(function* () {
      const needed = [yield* pipeline, yield* database, yield* binance]
      const status = needed.some((part) => part.status === "down") ? "down" : "up"
      const wrong = needed.flatMap((part) => (part.status === "up" ? [] : [part.detail]))
      const detail = [...(status === "up" ? ["Trades are being stored."] : []), ...wrong].join(" ")
      return { ...statuses.noteWhole("ready", status, needed, yield* Clock.currentTimeMillis), detail } as const
    })

    const service = Effect.gen(function* () {
      const checks = yield* parts
      const progress = yield* completeness(checks.binance.symbols.map(({ symbol }) => symbol))
      const problems = [
        ...[checks.pipeline, checks.database, checks.binance].flatMap((part) =>
          part.status === "up" ? [] : [part.detail],
        ),
        ...problemsOf(progress),
        ...(checks.spill.status === "down" ? [checks.spill.detail] : []),
        ...((yield* numbersAnew) ? [NUMBERED_ANEW] : []),
      ]
      const works = problems.length === 0 && Object.values(checks).every((part) => part.status === "up")
      const alive = yield* live
      const status = alive.status === "down" ? "down" : works ? "up" : "degraded"
      const decisive = alive.status === "down" ? [alive] : Object.values(checks)
      const noted = statuses.noteWhole("service", status, decisive, yield* Clock.currentTimeMillis)
      return { ...noted, ready: (yield* ready).status === "up", checks, ...progress, problems }
    })

    for (const look of [lookAtDatabase, countConnections, live, service])
      yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(LOOK)))
    yield* answerBy({ pipeline, database, binance, live, ready, service })
  }),
)

const NUMBERED_ANEW =
  "Trades were set aside within the last hour, because the exchange numbers its trades anew, as a wiped testnet does. Give it a database of its own."

const unanswered = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const why = error instanceof StoreError ? error.detail : String(error)
  return `The database does not answer: ${why.replace(/\.$/, "")}. Check that PostgreSQL runs and accepts connections; trades wait on disk meanwhile, and are stored as soon as it does.`
}
