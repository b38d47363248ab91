import { Deferred, Effect, Latch, Schedule, type Scope, Semaphore } from "effect"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"
import { type EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { type Postmaster, stop } from "./Postmaster.ts"

/** A server that is started again whenever it ends, always on the same port. */
export interface Supervised {
  readonly port: number
  /** undefined while it is away. */
  readonly pid: Effect.Effect<number | undefined>
  /** Stops the server, runs `use`, and waits until the server is back. */
  readonly whileStopped: <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** 250 ms, 500 ms, … 5 s between the attempts to start a server that does not come up. */
const restart = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("5 seconds")])

/**
 * Starts a server and keeps it running until the scope closes, which stops it and waits for that.
 * Fails only when the first start does.
 */
export const supervise = Effect.fnUntraced(function* (
  start: (port: number | undefined) => Effect.Effect<Postmaster, EmbeddedPostgresError, Scope.Scope>,
): Effect.fn.Return<Supervised, EmbeddedPostgresError, Scope.Scope> {
  const first = yield* Deferred.make<Postmaster, EmbeddedPostgresError>()
  const wanted = yield* Latch.make(true)
  const running = yield* Latch.make(false)
  const oneStop = yield* Semaphore.make(1)
  const some = yield* makeRateLimited("1 minute", 6)
  let current: Postmaster | undefined

  const session = (port: number | undefined) =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* start(port)
        current = server
        yield* Deferred.succeed(first, server)
        yield* Latch.open(running)
        const how = yield* server.exited
        current = undefined
        yield* Latch.close(running)
        if (Latch.isOpen(wanted)) {
          yield* some(Effect.logWarning(`The embedded PostgreSQL ended (${how}) and is started again`))
        }
      }),
    )

  const again = (port: number) =>
    Effect.sleep("250 millis").pipe(
      Effect.andThen(wanted.await),
      Effect.andThen(session(port)),
      Effect.tapError((error) => some(Effect.logWarning(error.message))),
      Effect.retry(restart),
      Effect.forever,
    )

  yield* session(undefined).pipe(
    Effect.tapCause((cause) => Deferred.failCause(first, cause)),
    Effect.andThen(Effect.suspend(() => Effect.flatMap(Deferred.await(first), ({ port }) => again(port)))),
    Effect.forkScoped,
  )
  const { port } = yield* Deferred.await(first)

  return {
    port,
    pid: Effect.sync(() => current?.pid),
    whileStopped: (use) =>
      Effect.acquireUseRelease(
        Effect.gen(function* () {
          yield* Latch.close(wanted)
          yield* Latch.close(running)
          if (current !== undefined) yield* stop(current)
        }),
        () => use,
        () => Effect.andThen(Latch.open(wanted), running.await),
      ).pipe(oneStop.withPermits(1)),
  }
})
