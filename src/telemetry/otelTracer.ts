import { ROOT_CONTEXT, trace } from "@opentelemetry/api"
import type { Resource } from "@opentelemetry/resources"
import { BasicTracerProvider, RandomIdGenerator, type SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Option, Tracer } from "effect"
import { contextOf, type Recorder, RecordedSpan } from "./RecordedSpan.ts"

export interface OtelTracerOptions {
  readonly resource: Resource
  /** Gets every span that is sampled, when it ends. */
  readonly processor: SpanProcessor
  readonly version: string
}

/**
 * Makes spans for OpenTelemetry's processors. The SDK decides by its variables which traces are taken; it is asked once a trace,
 * as the spans of a process are taken all or none. Its own spans, and those of Effect's adapter around them, would cost three times as much.
 */
export const makeOtelTracer = ({ processor, resource, version }: OtelTracerOptions): Tracer.Tracer => {
  const sdk = new BasicTracerProvider({ resource }).getTracer("fulltape", version)
  const ids = new RandomIdGenerator()
  const recorder: Recorder = {
    origin: { resource, instrumentationScope: { name: "fulltape", version } },
    longest: Number(
      process.env["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] ||
        process.env["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"] ||
        Infinity,
    ),
    onEnd: (span) => processor.onEnd(span),
  }
  const begun = (name: string, parent: Tracer.AnySpan | undefined) => {
    const outside = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent))
    return sdk.startSpan(name, {}, outside).spanContext()
  }
  return Tracer.make({
    span: (options) => {
      const parent = Option.getOrUndefined(options.parent)
      const context =
        parent instanceof RecordedSpan
          ? { traceId: parent.traceId, spanId: ids.generateSpanId(), traceFlags: parent.sampled ? 1 : 0 }
          : begun(options.name, parent)
      return new RecordedSpan(options, context, recorder)
    },
  })
}
