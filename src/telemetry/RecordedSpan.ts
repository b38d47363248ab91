import {
  type Attributes,
  type AttributeValue,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
} from "@opentelemetry/api"
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace-base"
import { Cause, type Context, Exit, Option, type Tracer } from "effect"
import { inspect } from "node:util"

/** What all spans of a process have in common. */
export interface Recorder {
  readonly origin: Pick<ReadableSpan, "resource" | "instrumentationScope">
  /** Characters of an attribute's text at most. */
  readonly longest: number
  /** Takes what has ended. */
  readonly onEnd: (span: ReadableSpan) => void
}

/** The specification's own limit. */
const MOST_EVENTS = 128

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/** A span of Effect's that becomes one of OpenTelemetry's when it ends, if it is sampled. Until then it costs little. */
export class RecordedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly annotations: Context.Context<never>
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly links: Array<Tracer.SpanLink>
  readonly sampled: boolean
  readonly spanId: string
  readonly traceId: string
  status: Tracer.SpanStatus
  private readonly recorder: Recorder
  private readonly context: SpanContext
  private readonly recorded: Attributes = {}
  private readonly events: Array<TimedEvent> = []
  private droppedEvents = 0

  constructor(options: Parameters<Tracer.Tracer["span"]>[0], context: SpanContext, recorder: Recorder) {
    this.name = options.name
    this.kind = options.kind
    this.annotations = options.annotations
    this.parent = options.parent
    this.links = options.links
    this.status = { _tag: "Started", startTime: options.startTime }
    this.context = context
    this.recorder = recorder
    this.traceId = context.traceId
    this.spanId = context.spanId
    this.sampled = (context.traceFlags & 1) === 1
  }

  get attributes(): ReadonlyMap<string, unknown> {
    return new Map(Object.entries(this.recorded))
  }

  attribute(key: string, value: unknown): void {
    if (this.sampled && this.status._tag === "Started") this.recorded[key] = this.fitting(value)
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    for (const link of links) this.links.push(link)
  }

  event(name: string, time: bigint, attributes?: Record<string, unknown>): void {
    if (!this.sampled || this.status._tag === "Ended") return
    if (this.events.length >= MOST_EVENTS) this.droppedEvents += 1
    else this.events.push({ name, time: hrTime(time), attributes: this.all(attributes ?? {}) })
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    const { startTime } = this.status
    const failure = this.sampled && Exit.isFailure(exit) ? this.fail(exit.cause, endTime) : undefined
    this.status = { _tag: "Ended", startTime, endTime, exit }
    if (!this.sampled) return
    const parent = Option.getOrUndefined(this.parent)
    this.recorder.onEnd({
      ...this.recorder.origin,
      name: this.name,
      kind: kinds[this.kind],
      spanContext: () => this.context,
      ...(parent === undefined ? {} : { parentSpanContext: contextOf(parent) }),
      startTime: hrTime(startTime),
      endTime: hrTime(endTime),
      duration: hrTime(endTime - startTime),
      ended: true,
      status: failure === undefined ? { code: 0 } : { code: 2, message: failure },
      attributes: this.recorded,
      links: this.links.map(({ attributes, span }): Link => ({
        context: contextOf(span),
        attributes: this.all(attributes),
      })),
      events: this.events,
      droppedAttributesCount: 0,
      droppedEventsCount: this.droppedEvents,
      droppedLinksCount: 0,
    })
  }

  /** Records why it failed, and gives that in a sentence; an interruption is no failure. */
  private fail(cause: Cause.Cause<unknown>, time: bigint): string | undefined {
    if (Cause.hasInterruptsOnly(cause)) {
      this.attribute("effect.fiber.interrupted", true)
      return undefined
    }
    const errors = Cause.prettyErrors(cause, { includeCauseInStack: true })
    for (const { message, name, stack } of errors) {
      this.event("exception", time, {
        "exception.type": name,
        "exception.message": message,
        "exception.stacktrace": stack ?? "",
      })
    }
    return errors[0]?.message
  }

  private all(values: Readonly<Record<string, unknown>>): Attributes {
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, this.fitting(value)]))
  }

  private fitting(value: unknown): AttributeValue {
    if (typeof value === "number" || typeof value === "boolean") return value
    if (Array.isArray(value)) return value.map((item) => this.text(item))
    return this.text(value)
  }

  private text(value: unknown): string {
    const text = typeof value === "string" ? value : typeof value === "bigint" ? String(value) : inspect(value)
    return text.length > this.recorder.longest ? text.slice(0, this.recorder.longest) : text
  }
}

/** What OpenTelemetry calls the context of a span. */
export const contextOf = ({ _tag, sampled, spanId, traceId }: Tracer.AnySpan): SpanContext => ({
  traceId,
  spanId,
  traceFlags: sampled ? 1 : 0,
  isRemote: _tag === "ExternalSpan",
})

const SECOND = 1_000_000_000n

const hrTime = (nanos: bigint): HrTime => [Number(nanos / SECOND), Number(nanos % SECOND)]
