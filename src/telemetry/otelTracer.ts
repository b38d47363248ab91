import { ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api"
import type { Resource } from "@opentelemetry/resources"
import { BasicTracerProvider, RandomIdGenerator, type SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Option, Tracer } from "effect"
import { contextOf, type Origin, RecordedSpan } from "./RecordedSpan.ts"

export interface OtelTracerOptions {
  readonly resource: Resource
  /** Gets every span that is sampled, soon after its end. */
  readonly processor: SpanProcessor
  readonly version: string
}

/** Spans that have ended are handed on this many at a time, or after this many milliseconds. */
const MOST_ENDED = 256
const HAND_ON_MILLIS = 200

/** Roots that are decided on ahead of time. */
const ROOTS = 64

/**
 * Makes spans for OpenTelemetry's processors. The SDK decides by its variables which traces are taken; it is asked once a trace,
 * as the spans of a process are taken all or none.
 *
 * A batch of trades makes four spans in a few milliseconds. What the SDK does for each, and Effect's adapter around it, is code that the
 * processor has forgotten from one batch to the next, and costs several times what it does in a loop: so it is done in a loop.
 */
export const makeOtelTracer = ({ processor, resource, version }: OtelTracerOptions) => {
  const sdk = new BasicTracerProvider({ resource }).getTracer("fulltape", version)
  const ids = new RandomIdGenerator()
  const origin: Origin = { resource, instrumentationScope: { name: "fulltape", version } }
  const { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT } = process.env
  const longest = Number(OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT || OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT || Infinity)
  const roots: Array<SpanContext> = []
  let ended: Array<RecordedSpan> = []
  let timer: NodeJS.Timeout | undefined

  const root = (): SpanContext => {
    for (let missing = roots.length === 0 ? ROOTS : 0; missing > 0; missing--) {
      roots.push(sdk.startSpan("root", {}, ROOT_CONTEXT).spanContext())
    }
    return roots.pop() ?? sdk.startSpan("root", {}, ROOT_CONTEXT).spanContext()
  }

  const handOn = (): void => {
    clearTimeout(timer)
    timer = undefined
    const spans = ended
    ended = []
    for (const span of spans) {
      const readable = span.readable(origin, longest)
      if (readable !== undefined) processor.onEnd(readable)
    }
  }

  const onEnd = (span: RecordedSpan): void => {
    ended.push(span)
    if (ended.length >= MOST_ENDED) handOn()
    else timer ??= setTimeout(handOn, HAND_ON_MILLIS).unref()
  }

  const contextFor = (parent: Tracer.AnySpan | undefined, name: string): SpanContext => {
    if (parent === undefined) return root()
    if (parent instanceof RecordedSpan) {
      return { traceId: parent.traceId, spanId: ids.generateSpanId(), traceFlags: parent.sampled ? 1 : 0 }
    }
    return sdk.startSpan(name, {}, trace.setSpanContext(ROOT_CONTEXT, contextOf(parent))).spanContext()
  }

  const tracer = Tracer.make({
    span: (options) =>
      new RecordedSpan(options, contextFor(Option.getOrUndefined(options.parent), options.name), onEnd),
  })
  return { tracer, handOn }
}
