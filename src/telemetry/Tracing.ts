import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { ConfigProvider, Effect, Layer, References, Tracer } from "effect"
import { makeRateLimited } from "./rateLimited.ts"

/** Where spans go, and under which names. */
export interface TracingOptions {
  /** The base address of an OpenTelemetry collector; undefined: no spans are made. */
  readonly endpoint: URL | undefined
  readonly serviceName: string
  readonly serviceVersion?: string
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
  const [{ diag, DiagLogLevel }, Resource, { BatchSpanProcessor }, { OTLPTraceExporter }, { makeOtelTracer }] =
    yield* Effect.promise(() =>
      Promise.all([
        import("@opentelemetry/api"),
        import("@effect/opentelemetry/Resource"),
        import("@opentelemetry/sdk-trace-base"),
        import("@opentelemetry/exporter-trace-otlp-http"),
        import("./otelTracer.ts"),
      ]),
    )
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const everyMinute = yield* makeRateLimited("1 minute")
  const onOutage = yield* makeRateLimited("1 minute")
  const tellOutage = (error: string): void => {
    runFork(
      onOutage(
        Effect.logWarning(
          `The collector at ${endpoint.host} does not take traces, they are dropped while that lasts`,
        ).pipe(Effect.annotateLogs({ error })),
      ),
    )
  }
  const complain = (message: string): void => {
    // The queue may be full before the first answer is overdue.
    if (/maxQueueSize/.test(message)) tellOutage(message)
    else runFork(everyMinute(Effect.logWarning(`OpenTelemetry: ${message}`)))
  }
  // A sampler that is misspelt is one that takes everything, and the SDK says so nowhere else.
  diag.setLogger(
    { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.href.replace(/\/$/, "")}/v1/traces`,
    // the SDK's 10 seconds of retries would keep a command that has finished from ending
    ...(process.env["OTEL_EXPORTER_OTLP_TIMEOUT"] ? {} : { timeoutMillis: 2000 }),
  })
  const spanProcessor = new BatchSpanProcessor(
    tolerant(exporter, {
      failed: ({ message }) => tellOutage(message),
      recovered: (dropped) => {
        runFork(
          Effect.logInfo(`The collector at ${endpoint.host} takes traces again`).pipe(
            Effect.annotateLogs({ droppedSpans: dropped }),
          ),
        )
      },
    }),
  )
  const attributes = process.env["OTEL_RESOURCE_ATTRIBUTES"]?.includes("deployment.environment")
    ? {}
    : { "deployment.environment.name": options.environment }
  const { serviceName, serviceVersion = "unknown" } = options
  const tracer = Effect.gen(function* () {
    const resource = yield* Resource.Resource
    const { handOn, tracer } = makeOtelTracer({ resource, processor: spanProcessor, version: serviceVersion })
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(handOn), flushed(spanProcessor)))
    return tracer
  })
  return Layer.effect(Tracer.Tracer, tracer).pipe(
    Layer.provide(Resource.layerFromEnv(Resource.configToAttributes({ serviceName, serviceVersion, attributes }))),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv())),
  )
})

const flushed = (processor: SpanProcessor): Effect.Effect<unknown> =>
  Effect.promise(() => processor.forceFlush().finally(() => processor.shutdown())).pipe(
    Effect.ignoreCause,
    Effect.interruptible,
    Effect.timeoutOption(shutdownTimeout),
  )

/** Reports where a failure and where a success begins, and no failure to the SDK, whose flush would turn it into a defect of the shutdown. */
const tolerant = (
  exporter: SpanExporter,
  on: { readonly failed: (error: Error) => unknown; readonly recovered: (dropped: number) => unknown },
): SpanExporter => {
  let dropped = 0
  return {
    export: (spans, done) =>
      exporter.export(spans, ({ error }) => {
        if (error !== undefined) {
          if (dropped === 0) on.failed(error)
          dropped += spans.length
        } else if (dropped > 0) {
          on.recovered(dropped)
          dropped = 0
        }
        done({ code: 0 })
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}

const ignore = (): void => {}
