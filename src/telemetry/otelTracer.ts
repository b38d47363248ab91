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

/** As the SDK's own defaults, for the variables that it reads too. */
const MOST_AT_ONCE = 512
const DELAY_MILLIS = 5_000

/** Attributes that are functions hold what they are about: so long at most. */
const SETTLE_MILLIS = 50

/** Roots that are decided on ahead of time. */
const ROOTS = 64

/**
 * Makes spans for OpenTelemetry's processors. The SDK decides by its variables which traces are taken; it is asked once a trace,
 * as the spans of a process are taken all or none.
 *
 * A batch of trades makes four spans in a few milliseconds. What the SDK does for each, and Effect's adapter around it, is code that the
 * machine has forgotten from one batch to the next, and leaves a heap of objects for the garbage collector until they are sent. So
 * spans stay as they are until there are enough to send, and then all of it is done in one loop.
 */
export const makeOtelTracer = ({ processor, resource, version }: OtelTracerOptions) => {
  const sdk = new BasicTracerProvider({ resource }).getTracer("fulltape", version)
  const ids = new RandomIdGenerator()
  const origin: Origin = { resource, instrumentationScope: { name: "fulltape", version } }
  const { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT } = process.env
  const longest = Number(OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT || OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT || Infinity)
  const mostAtOnce = Number(process.env["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]) || MOST_AT_ONCE
  const delay = Number(process.env["OTEL_BSP_SCHEDULE_DELAY"]) || DELAY_MILLIS
  const roots: Array<SpanContext> = []
  let ended: Array<RecordedSpan> = []
  let settled = 0
  let settling: NodeJS.Timeout | undefined
  let sending: NodeJS.Timeout | undefined

  const root = (): SpanContext => {
    for (let missing = roots.length === 0 ? ROOTS : 0; missing > 0; missing--) {
      roots.push(sdk.startSpan("root", {}, ROOT_CONTEXT).spanContext())
    }
    return roots.pop() ?? sdk.startSpan("root", {}, ROOT_CONTEXT).spanContext()
  }

  const settle = (): void => {
    settling = undefined
    for (; settled < ended.length; settled++) ended[settled]?.settle()
  }

  const handOn = (): void => {
    clearTimeout(settling)
    clearTimeout(sending)
    settling = sending = undefined
    const spans = ended
    ended = []
    settled = 0
    for (const span of spans) {
      const readable = span.readable(origin, longest)
      if (readable !== undefined) processor.onEnd(readable)
    }
  }

  const send = (): void => {
    handOn()
    processor.forceFlush().catch(() => {})
  }

  const onEnd = (span: RecordedSpan): void => {
    ended.push(span)
    if (ended.length >= mostAtOnce) return handOn()
    settling ??= setTimeout(settle, SETTLE_MILLIS).unref()
    sending ??= setTimeout(send, delay).unref()
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
