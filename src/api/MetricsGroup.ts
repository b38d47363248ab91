import { Schema } from "effect"
import { completenessFields } from "./Completeness.ts"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

const number = (description: string) => Schema.Finite.annotate({ description })

/** What the process did over the last 10 seconds, and in all. */
export const MetricsReport = Schema.Struct({
  timestamp: Schema.String.annotate({ format: "date-time", description: "When these numbers were read" }),
  performance: Schema.Struct({
    tradesPerSecond: number("Committed to the database, a second, over the last 10 s"),
    averageLatency: number(
      "From a trade's arrival to its commit, in ms, over the last 10 s; 0 while nothing was stored",
    ),
    errorCount: number("Failed writes, refused requests, malformed frames and trades set aside since the start"),
    reconnectionCount: number("Connections to the exchange that were lost since the start"),
    memoryUsage: number("Resident memory, in bytes"),
    batchProcessingTime: number("To commit a batch, in ms, over the last 10 s; 0 while nothing was stored"),
  }),
  status: Schema.Struct({
    isRunning: Schema.Boolean,
    binanceConnected: Schema.Boolean.annotate({ description: "Every connection to the exchange is up" }),
    databaseConnected: Schema.Boolean.annotate({ description: "The database answers" }),
    bufferSize: number("Trades received and not yet committed"),
    totalTrades: number("Trades committed since the start"),
    totalBatches: number("Batches committed since the start"),
    uptime: number("Seconds since the process started"),
  }),
  ...completenessFields,
}).annotate({ identifier: "Metrics", description: "What the process did over the last 10 seconds, and in all" })
export type MetricsReport = typeof MetricsReport.Type

/** Of https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format. */
export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8"

/** What the service measures about itself. */
export class MetricsGroup extends HttpApiGroup.make("metrics")
  .add(
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: [MetricsReport, Schema.String.pipe(HttpApiSchema.asText({ contentType: prometheusContentType }))],
    }).annotateMerge(
      OpenApi.annotations({
        summary: "What does the service measure?",
        description:
          "JSON, or the Prometheus text format for clients whose Accept header prefers text or OpenMetrics, as that of Prometheus does.",
      }),
    ),
  )
  .annotateMerge(OpenApi.annotations({ title: "Metrics" })) {}
