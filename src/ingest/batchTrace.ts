import { Clock, Context, Effect, Exit, Option, References, type Tracer } from "effect"
import type { Trade } from "../market/Trade.ts"

/** Symbols that the span of a batch names at most. */
const MOST_SYMBOLS = 32

/**
 * Runs what becomes of a batch of the stream as one trace, `Ingest.batch`. It begins when the oldest of its trades was read off the
 * socket; until now they were queueing.
 */
export const batchTrace = (batch: ReadonlyArray<Trade>) => traced("Ingest.batch", batch, true)

/** The same for trades that were on disk, `Ingest.drain`. It begins now: they may have waited for days. */
export const drainTrace = (batch: ReadonlyArray<Trade>) => traced("Ingest.drain", batch, false)

/** Costs nothing while no spans are made, and little while this one is not sampled. */
const traced =
  (name: string, batch: ReadonlyArray<Trade>, sinceSocket: boolean) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      if (!(yield* References.TracerEnabled)) return yield* effect
      const tracer = yield* Effect.tracer
      const clock = yield* Clock.Clock
      const waited = Math.max(0, performance.now() - (batch[0]?.receivedAt ?? Number.POSITIVE_INFINITY))
      const now = clock.currentTimeNanosUnsafe()
      const startTime = sinceSocket ? now - BigInt(Math.round(waited * 1e6)) : now
      const begin = (name: string, parent: Option.Option<Tracer.Span>) =>
        tracer.span({
          name,
          parent,
          root: Option.isNone(parent),
          startTime,
          annotations: Context.empty(),
          links: [],
          kind: "internal",
          sampled: true,
        })
      const span = begin(name, Option.none())
      if (span.sampled) {
        describe(span, batch, waited)
        if (sinceSocket) begin("Ingest.queue", Option.some(span)).end(now, Exit.void)
      }
      return yield* Effect.withParentSpan(effect, span, { captureStackTrace: false }).pipe(
        Effect.onExit((exit) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit))),
      )
    })

const describe = (span: Tracer.Span, batch: ReadonlyArray<Trade>, waited: number): void => {
  const runs = new Map<string, { first: number; last: number }>()
  for (const { id, symbol } of batch) {
    const run = runs.get(symbol)
    if (run === undefined) runs.set(symbol, { first: id, last: id })
    else if (id > run.last) run.last = id
    else if (id < run.first) run.first = id
  }
  const named = [...runs].slice(0, MOST_SYMBOLS)
  span.attribute("batch.size", batch.length)
  span.attribute("batch.symbol_count", runs.size)
  span.attribute(
    "batch.symbols",
    named.map(([symbol]) => symbol),
  )
  span.attribute(
    "batch.ids",
    named.map(([symbol, { first, last }]) => `${symbol} ${first}-${last}`),
  )
  span.attribute("batch.wait", waited / 1000)
}
