import * as PgClient from "@effect/sql-pg/PgClient"
import { Context, Effect, Exit, Latch, Layer, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { type FaultDatabase } from "./DatabaseServer.ts"

/** How many try to get a connection at once: each holds one of the reserved ones until it is refused. */
const TAKERS = 2

/** A server that still has connections to give after this has too many. */
const LONGEST_FILLING = "4 seconds"

/**
 * Takes every connection that the server still gives, throws the service out of its own, and takes those, too. Gives how
 * often the server said that it has no more, and lets go at the end.
 */
export const whileFull = Effect.fnUntraced(function* ({ admin, name, url }: FaultDatabase, lasts: number) {
  const query = yield* admin.connected
  yield* query("SELECT 1")
  const scope = yield* Effect.scope
  const full = yield* Latch.make()
  let refusals = 0

  const take = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const taken = yield* Layer.buildWithScope(connection(url), own).pipe(
      Effect.flatMap((context) => Context.get(context, SqlClient.SqlClient)`SELECT 1`),
      Effect.exit,
    )
    if (Exit.isSuccess(taken)) return
    refusals += 1
    yield* full.open
    yield* Scope.close(own, Exit.void)
    yield* Effect.sleep("30 millis")
  })

  const throwOut = Effect.delay(
    query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name = 'fulltape'`,
    ),
    "100 millis",
  )

  const taking = Effect.all([...Array.from({ length: TAKERS }, () => Effect.forever(take)), Effect.forever(throwOut)], {
    concurrency: "unbounded",
    discard: true,
  })
  yield* Effect.raceFirst(
    taking,
    full.await.pipe(Effect.timeoutOption(LONGEST_FILLING), Effect.andThen(Effect.sleep(lasts))),
  )
  return refusals
}, Effect.scoped)

const connection = (url: string) =>
  PgClient.layer({ url: Redacted.make(url), maxConnections: 1, applicationName: "taker", connectTimeout: "1 second" })
