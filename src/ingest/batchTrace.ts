import { Clock, Context, Effect, Exit, Option, References, Tracer } from "effect"
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
    Effect.withFiber((fiber) => {
      if (!fiber.getRef(References.TracerEnabled)) return effect
      const tracer = fiber.getRef(Tracer.Tracer)
      const clock = fiber.getRef(Clock.Clock)
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
      return Effect.onExit(Effect.provideService(effect, Tracer.ParentSpan, span), (exit) =>
        Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)),
      )
    })

/** The functions are called after its end: in the middle of the work they would cost several times as much. */
const describe = (span: Tracer.Span, batch: ReadonlyArray<Trade>, waited: number): void => {
  let known: Runs | undefined
  const runs = () => (known ??= runsOf(batch))
  span.attribute("batch.size", batch.length)
  span.attribute("batch.wait", waited / 1000)
  span.attribute("batch.symbol_count", () => runs().firsts.size)
  span.attribute("batch.symbols", () => named(runs()))
  span.attribute("batch.ids", () => {
    const { firsts, lasts } = runs()
    return named(runs()).map((symbol) => `${symbol} ${firsts.get(symbol)}-${lasts.get(symbol)}`)
  })
}

interface Runs {
  readonly firsts: ReadonlyMap<string, number>
  readonly lasts: ReadonlyMap<string, number>
}

const runsOf = (batch: ReadonlyArray<Trade>): Runs => {
  const firsts = new Map<string, number>()
  const lasts = new Map<string, number>()
  for (const { id, symbol } of batch) {
    const first = firsts.get(symbol)
    if (first === undefined || id < first) firsts.set(symbol, id)
    if (id > (lasts.get(symbol) ?? -1)) lasts.set(symbol, id)
  }
  return { firsts, lasts }
}

const named = ({ firsts }: Runs): ReadonlyArray<string> => [...firsts.keys()].slice(0, MOST_SYMBOLS)
