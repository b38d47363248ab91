import { type Attributes, type AttributeValue, type HrTime, type SpanContext, SpanKind } from "@opentelemetry/api"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { Cause, type Context, Exit, Option, type Tracer } from "effect"
import { inspect } from "node:util"

/** What the spans of a process have in common. */
export type Origin = Pick<ReadableSpan, "resource" | "instrumentationScope">

/** The specification's own limit. */
const MOST_EVENTS = 128

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/**
 * A span of Effect's. It only notes what it is told, as little as it may cost in the middle of the work that it is about; what
 * OpenTelemetry exports is made of it later.
 */
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
  readonly attributes = new Map<string, unknown>()
  private readonly onEnd: (span: RecordedSpan) => void
  private readonly context: SpanContext
  private readonly events: Array<Event> = []
  private droppedEvents = 0

  /** @param onEnd told when it ends, if it is sampled. */
  constructor(
    options: Parameters<Tracer.Tracer["span"]>[0],
    context: SpanContext,
    onEnd: (span: RecordedSpan) => void,
  ) {
    this.name = options.name
    this.kind = options.kind
    this.annotations = options.annotations
    this.parent = options.parent
    this.links = options.links
    this.status = { _tag: "Started", startTime: options.startTime }
    this.context = context
    this.onEnd = onEnd
    this.traceId = context.traceId
    this.spanId = context.spanId
    this.sampled = (context.traceFlags & 1) === 1
  }

  /** @param value a function is called after the end. */
  attribute(key: string, value: unknown): void {
    if (this.sampled && this.status._tag === "Started") this.attributes.set(key, value)
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    for (const link of links) this.links.push(link)
  }

  event(name: string, time: bigint, attributes?: Record<string, unknown>): void {
    if (!this.sampled || this.status._tag === "Ended") return
    if (this.events.length >= MOST_EVENTS) this.droppedEvents += 1
    else this.events.push({ name, time, attributes: attributes ?? {} })
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    if (this.sampled) this.onEnd(this)
  }

  /** Calls the attributes that are functions, so that nothing is held that they are about. */
  settle(): void {
    for (const [key, value] of this.attributes) if (typeof value === "function") this.attributes.set(key, value())
  }

  /** What is exported; undefined before the end. @param longest characters of an attribute's text at most. */
  readable(origin: Origin, longest: number): ReadableSpan | undefined {
    const { status } = this
    this.settle()
    if (status._tag === "Started") return undefined
    const { endTime, exit, startTime } = status
    const parent = Option.getOrUndefined(this.parent)
    const errors = Exit.isFailure(exit) ? errorsOf(exit.cause) : []
    const exceptions = errors.map(({ message, name, stack }): Event => ({
      name: "exception",
      time: endTime,
      attributes: { "exception.type": name, "exception.message": message, "exception.stacktrace": stack ?? "" },
    }))
    const interrupted = Exit.isFailure(exit) && errors.length === 0 ? [["effect.fiber.interrupted", true] as const] : []
    return {
      ...origin,
      name: this.name,
      kind: kinds[this.kind],
      spanContext: () => this.context,
      ...(parent === undefined ? {} : { parentSpanContext: contextOf(parent) }),
      startTime: hrTime(startTime),
      endTime: hrTime(endTime),
      duration: hrTime(endTime - startTime),
      ended: true,
      status: errors[0] === undefined ? { code: 0 } : { code: 2, message: errors[0].message },
      attributes: attributesOf([...this.attributes, ...interrupted], longest),
      links: this.links.map(({ attributes, span }) => ({
        context: contextOf(span),
        attributes: attributesOf(Object.entries(attributes), longest),
      })),
      events: [...this.events, ...exceptions].map(({ attributes, name, time }) => ({
        name,
        time: hrTime(time),
        attributes: attributesOf(Object.entries(attributes), longest),
      })),
      droppedAttributesCount: 0,
      droppedEventsCount: this.droppedEvents,
      droppedLinksCount: 0,
    }
  }
}

interface Event {
  readonly name: string
  readonly time: bigint
  readonly attributes: Readonly<Record<string, unknown>>
}

/** To be interrupted is no failure. */
const errorsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<Error> =>
  Cause.hasInterruptsOnly(cause) ? [] : Cause.prettyErrors(cause, { includeCauseInStack: true })

const attributesOf = (entries: ReadonlyArray<readonly [string, unknown]>, longest: number): Attributes => {
  const text = (value: unknown): string => {
    const whole = typeof value === "string" ? value : typeof value === "bigint" ? String(value) : inspect(value)
    return whole.length > longest ? whole.slice(0, longest) : whole
  }
  const fitting = (value: unknown): AttributeValue => {
    if (typeof value === "number" || typeof value === "boolean") return value
    return Array.isArray(value) ? value.map(text) : text(value)
  }
  return Object.fromEntries(entries.map(([key, value]) => [key, fitting(value)]))
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
