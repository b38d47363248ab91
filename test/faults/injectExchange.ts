import { Effect, Exit, Semaphore } from "effect"
import { type ExchangeFault, type PostedFault } from "./PlannedFault.ts"
import { positions } from "./positions.ts"
import { type Stage } from "./Stage.ts"

/** How long it may take until the simulator knows whom a fault met, where it does not know at once: milliseconds. */
const patience: Partial<Record<ExchangeFault["kind"], number>> = { skip: 1_000, reorder: 1_200, lifetime: 7_000 }

/**
 * Posts faults to the simulator, and looks whether they met somebody. Two of a kind never overlap, so that each can be told, and
 * two of REST neither: a request meets one of them.
 */
export const makeInjectExchange = Effect.sync(() => {
  const turns = new Map<string, Semaphore.Semaphore>()

  const post = Effect.fnUntraced(function* (stage: Stage, { bait }: ExchangeFault, fault: PostedFault) {
    const { exchange } = stage
    const before = (yield* exchange.state).faults
    yield* exchange.inject(bait === undefined ? [fault] : [fault, bait])
    const look = Effect.map(exchange.state, ({ faults }) => faults)
    const has = (faults: typeof before) => (faults.counts[fault.kind] ?? 0) > (before.counts[fault.kind] ?? 0)
    const now = yield* Effect.repeat(Effect.delay(look, "5 millis"), { until: has })
    return { before: before.met[fault.kind] ?? 0, now: now.met[fault.kind] ?? 0 }
  })

  /** Whom it met. */
  const once = Effect.fnUntraced(function* (stage: Stage, planned: ExchangeFault) {
    const fault = yield* aimed(stage, planned.fault)
    if (fault === undefined) return 0
    const { before, now } = yield* post(stage, planned, fault)
    const startedAt = performance.now()
    let met = now
    const left = (of: number) => of - (performance.now() - startedAt)
    while (met === before && left(patience[planned.kind] ?? planned.lasts) > 0) {
      yield* Effect.sleep("40 millis")
      met = (yield* stage.exchange.state).faults.met[planned.kind] ?? 0
    }
    yield* Effect.sleep(Math.max(0, left(planned.lasts)))
    return met - before
  })

  return Effect.fnUntraced(function* (stage: Stage, planned: ExchangeFault) {
    const { journal } = stage
    const text = JSON.stringify(planned.fault)
    for (let times = 1; ; times++) {
      const at = journal.elapsed
      const met = yield* once(stage, planned)
      if (met > 0) return journal.note(`${text} met ${met}${times > 1 ? `, at try ${times}` : ""}`, at)
      if (journal.elapsed > stage.lastRepeat) return journal.problem(`${text} met nobody in ${times} tries`)
      yield* Effect.sleep("60 millis")
    }
  }, onePerKind)

  function onePerKind<A>(effect: Effect.Effect<A>, _: Stage, { kind }: ExchangeFault) {
    const key = kind.startsWith("rest") ? "rest" : kind
    const own = turns.get(key) ?? Semaphore.makeUnsafe(1)
    turns.set(key, own)
    return own.withPermit(effect)
  }
})

/**
 * A trade of the past is only known for one where the trades behind it are committed: its distance, told from the newest trade, is
 * planned from the high. Undefined while the database does not tell.
 */
const aimed = Effect.fnUntraced(function* ({ database, exchange }: Stage, fault: PostedFault) {
  if (fault.kind !== "regress") return fault
  const [highs, { newestId }] = yield* Effect.all([Effect.exit(positions(database.admin.query)), exchange.state])
  if (Exit.isFailure(highs)) return undefined
  const high = highs.value.find(({ symbol }) => symbol === fault.symbol)?.high
  const newest = newestId[fault.symbol ?? ""]
  return high === undefined || newest === undefined || newest === null
    ? undefined
    : { ...fault, ids: (fault.ids ?? 1) + newest - high }
})
