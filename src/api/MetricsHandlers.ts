import { Clock, Effect, Metric } from "effect"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import * as Gauges from "../telemetry/Gauges.ts"
import { Performance } from "../telemetry/Performance.ts"
import { Api } from "./Api.ts"
import { Checks } from "./Checks.ts"
import { completeness } from "./Completeness.ts"
import type { Identity } from "./HealthHandlers.ts"
import { prometheusContentType } from "./MetricsGroup.ts"
import { prefersText } from "./prefersText.ts"

/** Answers `/metrics`, in the format that the client prefers. */
export const layer = ({ version }: Pick<Identity, "version">) =>
  HttpApiBuilder.group(
    Api,
    "metrics",
    Effect.fnUntraced(function* (handlers) {
      yield* Metric.update(Gauges.buildInfo(version), 1)
      const checks = yield* Checks
      const performance = yield* Performance

      const json = Effect.gen(function* () {
        const binance = yield* checks.binance
        const { bufferSize, totalBatches, totalTrades, uptime, ...measured } = yield* performance.snapshot
        const { averageLatency, batchProcessingTime, errorCount, memoryUsage, reconnectionCount, tradesPerSecond } =
          measured
        return {
          timestamp: new Date(yield* Clock.currentTimeMillis).toISOString(),
          performance: {
            tradesPerSecond,
            averageLatency,
            errorCount,
            reconnectionCount,
            memoryUsage,
            batchProcessingTime,
          },
          status: {
            isRunning: (yield* checks.pipeline).status === "up",
            binanceConnected: binance.status === "up",
            databaseConnected: (yield* checks.database).status === "up",
            bufferSize,
            totalTrades,
            totalBatches,
            uptime,
          },
          ...(yield* completeness(binance.connections.flatMap(({ symbols }) => symbols))),
        }
      })

      // Taking a snapshot sets the gauges that are read on demand.
      const text = Effect.andThen(performance.snapshot, PrometheusMetrics.format()).pipe(
        Effect.map((body) => HttpServerResponse.text(body, { contentType: prometheusContentType })),
      )

      return handlers.handle(
        "metrics",
        Effect.fnUntraced(function* ({ request }) {
          yield* varyByAccept
          return prefersText(request.headers["accept"]) ? yield* text : yield* json
        }),
      )
    }),
  )

const varyByAccept = HttpEffect.appendPreResponseHandler((_, response) =>
  Effect.succeed(HttpServerResponse.setHeader(response, "vary", "Accept")),
)
