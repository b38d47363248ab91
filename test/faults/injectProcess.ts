import { Effect, Option, Semaphore } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { STORING } from "../fixtures/service/ServiceProcess.ts"
import { whileUnreachable } from "./injectDatabase.ts"
import { type ProcessFault } from "./PlannedFault.ts"
import { type Stage } from "./Stage.ts"

/** The gaps that a killed process had leased are anybody's again after 5 s: that has to fit in, too. Milliseconds. */
const LAST_KILL = 4_200

/** What the service put on its disk, and what it had no room for: trades. */
const SPILLED = "fulltape_trades_spilled_total"
const DROPPED = "fulltape_trades_dropped_total"

/** A second instance that has written nothing by then, with the database away say, has to go. Milliseconds. */
const LAST_SECOND = 6_000

/** Does to the processes of the service what was planned; the scope ends those that it starts. */
export const makeInjectProcess = Effect.map(Semaphore.make(1), (oneKill) => {
  const kill = Effect.fnUntraced(function* ({ journal, service }: Stage, { pause }: ProcessFault) {
    const program = yield* service.program
    yield* service.end(program, "SIGKILL")
    journal.note(`kill of pid ${program.pid}, started again after ${pause} ms`)
    yield* Effect.sleep(pause)
    yield* service.start
  }, oneKill.withPermit)

  const second = Effect.fnUntraced(function* (
    { journal, lastRepeat, service }: Stage,
    { endsWith, lasts }: ProcessFault,
  ) {
    const program = yield* service.second
    const at = journal.elapsed
    const wrote = yield* program.line(/"Batch processed"/).pipe(Effect.timeoutOption(LAST_SECOND - journal.elapsed))
    if (Option.isNone(wrote)) {
      const begins = program.line(STORING).pipe(Effect.timeoutOption(lastRepeat - journal.elapsed))
      if (Option.isNone(yield* begins)) journal.problem("no second instance came up")
    }
    yield* Effect.sleep(Math.max(0, Math.min(lasts, LAST_KILL - journal.elapsed)))
    yield* Effect.timeoutOption(service.end(program, endsWith), "2500 millis")
    yield* program.stop("SIGKILL")
    journal.note(
      `second instance, ${Option.isSome(wrote) ? "" : "that wrote nothing, "}ended with ${endsWith} at ${(journal.elapsed / 1000).toFixed(2)} s`,
      at,
    )
  })

  const diskFull = Effect.fnUntraced(function* (stage: Stage, { lasts, megabytes, pause }: ProcessFault) {
    const { disk, journal, service } = stage
    for (let times = 1; ; times++) {
      // Without trades that arrive there is nothing to keep.
      yield* eventually("A connection", stage.exchange.state, ({ connections }) => connections.length > 0)
      const at = journal.elapsed
      const whileFull = (use: Effect.Effect<void>) =>
        Effect.acquireUseRelease(
          disk.fill,
          () => use,
          () => disk.empty,
        )
      // Without a pause there is nothing in the spill yet when its disk is full.
      yield* pause === 0
        ? whileFull(whileUnreachable(stage, Effect.sleep(lasts)))
        : whileUnreachable(stage, Effect.delay(whileFull(Effect.sleep(lasts - pause)), pause))
      const [spilled, dropped] = yield* Effect.all([service.sample(SPILLED), service.sample(DROPPED)])
      if (spilled + dropped > 0)
        return journal.note(
          `the spill's disk of ${megabytes} MB was full for ${lasts - pause} ms, met ${spilled} trades that it took and ${dropped} that it did not${times > 1 ? `, at try ${times}` : ""}`,
          at,
        )
      if (journal.elapsed > stage.lastRepeat - lasts)
        return journal.problem("no trade came while the spill's disk was full")
      // Between two outages the service has to see that the first one is over.
      yield* Effect.sleep("1 second")
    }
  })

  return (stage: Stage, planned: ProcessFault) => {
    switch (planned.kind) {
      case "kill":
        return kill(stage, planned)
      case "secondInstance":
        return second(stage, planned)
      case "diskFull":
        return diskFull(stage, planned)
    }
  }
})
