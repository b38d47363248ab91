import { Duration, Effect, Metric } from "effect"
import * as Metrics from "../../telemetry/Metrics.ts"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"
import type { ConnectionLost } from "../ConnectionLost.ts"
import type { ConnectionStatuses } from "../ConnectionStatuses.ts"
import type { RotationCause } from "./Link.ts"
import type { NotAcknowledged } from "./NotAcknowledged.ts"

export interface ShardReportOptions {
  readonly name: string
  readonly host: string
  readonly symbols: ReadonlyArray<string>
  readonly statuses: ConnectionStatuses
}

/** Puts what happens to the connections of one shard into its status, the metrics and the log. */
export const makeShardReport = Effect.fnUntraced(function* ({ host, name, statuses, symbols }: ShardReportOptions) {
  // The first attempts of an outage are told one by one, and a part of those of a long one.
  const someLosses = yield* makeRateLimited("1 minute", 6)
  const someFailures = yield* makeRateLimited("1 minute", 6)
  let reached = false
  const noting = (fields: Record<string, unknown>) => Effect.annotateLogs({ connection: name, ...fields })
  return {
    heard: statuses.heard(name),

    begun: statuses.open(name, host, symbols),

    dialling: statuses.enter(name, "connecting"),

    connected: Effect.fnUntraced(function* (nextRotationAt: number) {
      reached = true
      yield* statuses.connected(name, nextRotationAt)
      yield* Effect.logInfo("Connected to the exchange").pipe(noting({ host, symbols: symbols.length }))
    }),

    /** Lost or never there, and nothing takes its place: it is dialled again after `wait`. */
    lost: Effect.fnUntraced(function* (loss: ConnectionLost, attempt: number, wait: Duration.Duration) {
      yield* statuses.lost(name, loss.message, wasOpen(loss))
      yield* count(loss)
      const instead = reached ? "" : " (`npm run demo` runs without the exchange.)"
      yield* someLosses(
        Effect.logWarning(`${loss.message} Trying again.${instead}`).pipe(noting({ attempt, waitMs: millis(wait) })),
      )
    }),

    /** Another connection took over from one that lived. */
    replaced: Effect.fnUntraced(function* (cause: RotationCause, nextRotationAt: number) {
      yield* statuses.rotated(name, nextRotationAt)
      yield* Metric.update(Metrics.rotations[cause], 1)
      yield* Effect.logInfo("Another connection to the exchange took over").pipe(noting({ rotation: cause }))
    }),

    /** Lost while another one was there to take over. */
    lostInHandover: Effect.fnUntraced(function* (loss: ConnectionLost) {
      yield* statuses.interrupted(name, loss.message)
      yield* Effect.logWarning(`${loss.message} Another connection had been opened and goes on.`).pipe(noting({}))
    }),

    /** Lost when the one that was to take over was open, but its subscription was not acknowledged. */
    lostTooEarly: Effect.fnUntraced(function* (loss: ConnectionLost, nextRotationAt: number) {
      yield* statuses.lost(name, loss.message, true)
      yield* statuses.connected(name, nextRotationAt)
      yield* count(loss)
      yield* Effect.logWarning(`${loss.message} Another connection was just opened and goes on.`).pipe(noting({}))
    }),

    /** The one that was to take over could not be had; the present one goes on. */
    notReplaced: Effect.fnUntraced(function* (
      failure: ConnectionLost | NotAcknowledged,
      attempt: number,
      wait: Duration.Duration,
    ) {
      yield* Metric.update(Metrics.rotationFailures, 1)
      if (failure._tag === "ConnectionLost" && !wasOpen(failure)) yield* count(failure)
      yield* someFailures(
        Effect.logWarning(
          `The connection to the exchange could not be replaced, and goes on: ${failure.message} Trying again.`,
        ).pipe(noting({ attempt, waitMs: millis(wait) })),
      )
    }),
  }
})

export type ShardReport = Effect.Success<ReturnType<typeof makeShardReport>>

/** Whether there had been a connection. */
const wasOpen = ({ reason }: ConnectionLost): boolean => reason._tag !== "Unreachable" && reason._tag !== "Refused"

const count = ({ reason }: ConnectionLost) =>
  Metric.update(
    reason._tag === "Unreachable" || reason._tag === "Refused"
      ? Metrics.failedDials[reason._tag]
      : Metrics.reconnects[reason._tag],
    1,
  )

const millis = (duration: Duration.Duration) => Math.round(Duration.toMillis(duration))
