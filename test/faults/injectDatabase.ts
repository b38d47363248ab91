import { Effect, Semaphore } from "effect"
import { type DatabaseFault } from "./PlannedFault.ts"
import { type Stage } from "./Stage.ts"
import { whileFull } from "./whileFull.ts"

/** Nobody comes to the database while the effect runs. */
export const whileUnreachable = ({ proxy }: Stage, use: Effect.Effect<void>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => proxy.refuse(true)),
    () => use,
    () => Effect.sync(() => proxy.refuse(false)),
  ).pipe(proxy.oneAtATime)

/** Does to the database what was planned, and looks whether it met somebody. */
export const makeInjectDatabase = Effect.gen(function* () {
  // A server is in one state at a time.
  const ofServer = (yield* Semaphore.make(1)).withPermit

  /** Gives how often it met somebody. */
  const once = Effect.fnUntraced(function* (stage: Stage, { delay, kind, lasts }: DatabaseFault) {
    const { proxy } = stage
    const { outage } = stage.server
    const counted = { ...proxy.counts }
    switch (kind) {
      case "databaseStop":
        if (outage === undefined) return 0
        yield* Effect.acquireUseRelease(
          outage.stop,
          () => Effect.sleep(lasts),
          () => outage.start,
        ).pipe(ofServer)
        return 1
      case "databasePause":
        if (outage === undefined) return 0
        yield* Effect.acquireUseRelease(
          outage.pause,
          () => Effect.sleep(lasts),
          () => outage.resume,
        ).pipe(ofServer)
        return 1
      case "databaseFull":
        return yield* whileFull(stage.database, lasts).pipe(ofServer)
      case "databaseSlow":
        yield* Effect.acquireUseRelease(
          Effect.sync(() => (proxy.delay = delay)),
          () => Effect.sleep(lasts),
          () => Effect.sync(() => (proxy.delay = 0)),
        ).pipe(proxy.oneAtATime)
        return proxy.counts.delayed - counted.delayed
      case "databaseUnreachable":
        yield* whileUnreachable(stage, Effect.sleep(lasts))
        return proxy.counts.refused + proxy.counts.cut - counted.refused - counted.cut
      case "databaseCut":
        proxy.cut()
        return proxy.counts.cut - counted.cut
      case "answerLost":
        yield* Effect.acquireUseRelease(
          Effect.sync(() => proxy.loseAnswer(true)),
          () =>
            Effect.sync(() => proxy.counts.lost > counted.lost).pipe(
              Effect.delay("10 millis"),
              Effect.repeat({ until: (lost) => lost }),
              Effect.timeoutOption("500 millis"),
            ),
          () => Effect.sync(() => proxy.loseAnswer(false)),
        ).pipe(proxy.oneAtATime)
        return proxy.counts.lost - counted.lost
    }
  })

  return Effect.fnUntraced(function* (stage: Stage, planned: DatabaseFault) {
    const { journal } = stage
    const { delay, kind, lasts } = planned
    const text = [
      kind,
      ...(kind === "databaseSlow" ? [`by ${delay} ms`] : []),
      ...(lasts > 0 ? [`for ${lasts} ms`] : []),
    ]
    for (;;) {
      const at = journal.elapsed
      const met = yield* once(stage, planned)
      if (met > 0) return journal.note(`${text.join(" ")} met ${met}`, at)
      if (journal.elapsed > stage.lastRepeat) return journal.problem(`${text.join(" ")} met nobody`)
      yield* Effect.sleep("60 millis")
    }
  })
})
