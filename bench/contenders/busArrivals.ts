/** Fulltape's pipeline, without HTTP, with a subscriber of its bus that notes when each trade came. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Stream } from "effect"
import { storing } from "../../src/cli/storing.ts"
import * as Fulltape from "../../src/Fulltape.ts"
import { TradeBus } from "../../src/ingest/TradeBus.ts"
import { Settings } from "../../src/Settings.ts"
import { publicationDelay } from "./publication.ts"
import { Arrivals } from "./Arrivals.ts"

const arrivals = new Arrivals()

const listen = Effect.flatMap(TradeBus, (bus) =>
  Stream.runForEach(bus.subscribe(), ({ trades }) =>
    Effect.sync(() => {
      for (const { time } of trades) arrivals.record(time + publicationDelay(time))
    }),
  ),
)

Effect.forkScoped(listen).pipe(
  Effect.andThen(storing),
  Effect.scoped,
  Effect.provide(Fulltape.pipeline),
  Effect.provide(Fulltape.telemetry),
  Effect.provide(Settings.layer()),
  Effect.ensuring(Effect.sync(arrivals.tell)),
  NodeRuntime.runMain,
)
