import type { SpanExporter } from "@opentelemetry/sdk-trace-base"
import { ConfigProvider, Effect, Layer, References } from "effect"

/** Where spans go, and under which names. */
export interface TracingOptions {
  /** The base address of an OpenTelemetry collector; undefined: no spans are made. */
  readonly endpoint: URL | undefined
  readonly serviceName: string
  /** As `deployment.environment.name`, unless OTEL_RESOURCE_ATTRIBUTES names one. */
  readonly environment: string
}

/** How long the last spans may take when the process ends. */
const shutdownTimeout = "2 seconds"

/**
 * Exports spans in batches to `<endpoint>/v1/traces` as OTLP over HTTP. The standard OTEL_* variables for headers,
 * timeout, compression, certificates, sampler, limits, batches and resource attributes apply, OTEL_SDK_DISABLED too.
 *
 * A collector that does not answer costs spans and one warning, never more than two seconds of the shutdown. Without an
 * endpoint spans are not even made, and no part of the OpenTelemetry SDK is loaded.
 */
export const layer = (options: TracingOptions): Layer.Layer<never> =>
  options.endpoint === undefined || process.env["OTEL_SDK_DISABLED"] === "true"
    ? Layer.succeed(References.TracerEnabled, false)
    : Layer.unwrap(makeSdk(options, options.endpoint))

const makeSdk = Effect.fnUntraced(function* (options: TracingOptions, endpoint: URL) {
  const [NodeSdk, { BatchSpanProcessor }, { OTLPTraceExporter }] = yield* Effect.promise(() =>
    Promise.all([
      import("@effect/opentelemetry/NodeSdk"),
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/exporter-trace-otlp-http"),
    ]),
  )
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.href.replace(/\/$/, "")}/v1/traces`,
    // the SDK's 10 seconds of retries would keep a command that has finished from ending
    ...(process.env["OTEL_EXPORTER_OTLP_TIMEOUT"] ? {} : { timeoutMillis: 2000 }),
  })
  const spanProcessor = new BatchSpanProcessor(
    tolerant(exporter, (error) =>
      runFork(
        Effect.logWarning(
          `The collector at ${endpoint.host} does not take traces, they are dropped while that lasts`,
        ).pipe(Effect.annotateLogs({ error: error.message })),
      ),
    ),
  )
  const environment = process.env["OTEL_RESOURCE_ATTRIBUTES"]?.includes("deployment.environment")
    ? {}
    : { "deployment.environment.name": options.environment }
  return NodeSdk.layer(() => ({
    resource: { serviceName: options.serviceName, attributes: environment },
    spanProcessor,
    shutdownTimeout,
  })).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv())))
})

/** Reports the first failure and none to the SDK, whose flush would turn it into a defect of the shutdown. */
const tolerant = (exporter: SpanExporter, onFirstFailure: (error: Error) => unknown): SpanExporter => {
  let failed = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined && !failed) {
          failed = true
          onFirstFailure(result.error)
        }
        done({ code: 0 })
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}
