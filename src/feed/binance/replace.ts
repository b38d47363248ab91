import { Deferred, Duration, Effect, Schedule } from "effect"
import type { ConnectionLost } from "../ConnectionLost.ts"
import { endSpan } from "../../telemetry/endSpan.ts"
import { reconnect } from "../reconnect.ts"
import type { Handover } from "./Handover.ts"
import { type Link, makeLink } from "./Link.ts"
import type { NotAcknowledged } from "./NotAcknowledged.ts"
import type { ShardReport } from "./ShardReport.ts"

export interface ReplaceOptions<R> {
  readonly name: string
  /** How old the connection is already. */
  readonly age: Duration.Duration
  readonly rotateAfter: Duration.Duration
  readonly handover: Handover
  readonly report: ShardReport
  readonly run: (link: Link) => Effect.Effect<void, ConnectionLost | NotAcknowledged, R>
}

/**
 * Waits until a connection has to be replaced, by its age or because that is asked for, and dials until another one has taken over:
 * the connection goes on meanwhile, so this never gives up. Ends with the life of the one that took over.
 */
export const replace = Effect.fnUntraced(function* <R>(present: Link, options: ReplaceOptions<R>) {
  const { age, handover, name, report, rotateAfter, run } = options
  const cause = yield* Deferred.await(present.asked).pipe(
    Effect.timeoutOrElse({
      duration: Duration.subtract(rotateAfter, age),
      orElse: () => Effect.succeed("age" as const),
    }),
  )
  handover.begin()
  const span = yield* Effect.makeSpan("BinanceFeed.rotation", {
    root: true,
    attributes: { "connection.name": name, "connection.cause": cause },
  })
  const policy = reconnect(0).pipe(
    Schedule.setInputType<ConnectionLost | NotAcknowledged>(),
    Schedule.tap(({ input, attempt, duration }) => report.notReplaced(input, attempt, duration)),
  )
  const another = Effect.suspend(() => run(makeLink(cause, span)))
  yield* Effect.retry(another, policy).pipe(Effect.onExit((exit) => endSpan(span, exit)))
})
