import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Metric } from "effect"
import * as Http from "../../src/api/Http.ts"
import { Fakes, waiting } from "./Fakes.ts"
import { Performance } from "../../src/telemetry/Performance.ts"
import * as Metrics from "../../src/telemetry/Metrics.ts"
const f = new Fakes()
if (process.env["BAD"]) {
  f.databaseFails = true
  f.connections = [...f.connections, waiting]
}
const work = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Metric.update(Metrics.batchSeconds, 0.002)
    yield* Metric.update(Metrics.batchSeconds, 0.3)
    yield* Metric.update(Metrics.batchSeconds, 30)
    yield* Metric.update(Metrics.tradesReceived, 10)
    yield* Metric.update(Metrics.tradesStored, 7)
    yield* Metric.update(Metrics.reconnects.Closed, 1)
    yield* Metric.update(Metrics.frames.trade, 10)
  }),
)
Http.layer({ host: process.env["HOST"] ?? "127.0.0.1", port: Number(process.env["PORT"] ?? 0), version: "0.1.0" }).pipe(
  Layer.provide(Layer.mergeAll(Performance.layer, work)),
  Layer.provide(f.layer()),
  Layer.launch,
  NodeRuntime.runMain,
)
