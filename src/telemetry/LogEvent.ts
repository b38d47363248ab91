import { Cause, Context, type Fiber, type Logger, References, Tracer } from "effect"
import { inspect } from "node:util"
import { describeCause } from "./describeCause.ts"

/** One thing that happened, as it is written to a line. */
export interface LogEvent {
  readonly date: Date
  /** Lower case. */
  readonly level: string
  readonly message: string
  readonly service: string
  /** Annotations, plus `spans` in milliseconds, `cause`, and `traceId` and `spanId` of a span that is exported, where there are any. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** What every line has; an annotation of such a name gets an underscore appended. */
const reserved: ReadonlySet<string> = new Set([
  "timestamp",
  "level",
  "message",
  "service",
  "cause",
  "stack",
  "spans",
  "traceId",
  "spanId",
])

/** Reads an event off a logger's input. Causes become one sentence; `stacks` adds the whole of them as `stack`. */
export const make = (
  options: Logger.Options<unknown>,
  context: { readonly service: string; readonly stacks: boolean },
): LogEvent => {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options.fiber.getRef(References.CurrentLogAnnotations))) {
    fields[reserved.has(name) ? `${name}_` : name] = value
  }
  const span = exportedSpan(options.fiber)
  if (span !== undefined) {
    fields["traceId"] = span.traceId
    fields["spanId"] = span.spanId
  }
  const spans = options.fiber.getRef(References.CurrentLogSpans)
  if (spans.length > 0) {
    fields["spans"] = Object.fromEntries(spans.map(([label, start]) => [label, options.date.getTime() - start]))
  }
  if (options.cause.reasons.length > 0) {
    fields["cause"] = describeCause(options.cause)
    if (context.stacks) fields["stack"] = Cause.pretty(options.cause)
  }
  const parts: ReadonlyArray<unknown> = Array.isArray(options.message) ? options.message : [options.message]
  return {
    date: options.date,
    level: options.logLevel.toLowerCase(),
    message: parts.map((part) => (typeof part === "string" ? part : json(part))).join(" "),
    service: context.service,
    fields,
  }
}

const exportedSpan = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  const span = fiber.getRef(References.TracerEnabled)
    ? Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
    : undefined
  return span?.sampled === true && !Context.get(span.annotations, Tracer.DisablePropagation) ? span : undefined
}

/** One line of JSON, whatever the values are. */
export const toJson = ({ date, fields, level, message, service }: LogEvent): string =>
  json({ timestamp: date.toISOString(), level, message, service, ...fields })

/** One line for a person, in local time; a stack follows on lines of its own. */
export const toPretty = ({ date, fields, level, message }: LogEvent, colours: boolean): string => {
  const paint = (colour: number, text: string): string => (colours ? `\u001b[${colour}m${text}\u001b[0m` : text)
  const { kind: _, stack, ...others } = fields
  const time = paint(dim, `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`)
  const label = paint(levelColours[level] ?? dim, level.toUpperCase().padEnd(5))
  const values = Object.entries(others).map(([name, value]) => ` ${paint(dim, `${name}=`)}${prettyValue(value)}`)
  const line = `${time} ${label} ${escapeControls(message)}${values.join("")}`
  return typeof stack === "string" ? `${line}\n${stack.replace(/^/gm, "    ")}` : line
}

const dim = 2

const levelColours: Readonly<Record<string, number>> = {
  fatal: 31,
  error: 31,
  warn: 33,
  info: 32,
  debug: 36,
  trace: 36,
}

const prettyValue = (value: unknown): string => {
  const text = typeof value === "string" ? value : json(value)
  const quoted = typeof value === "string" && (text === "" || /[\s"=]/.test(text))
  return escapeControls(quoted ? JSON.stringify(text) : text)
}

// what an exchange sends must not move a terminal's cursor
const escapeControls = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : escaped
  })

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value, plain) ?? String(value)
  } catch {
    return JSON.stringify({ value: inspect(value, { breakLength: Infinity, depth: 3 }) })
  }
}

const plain = (_: string, value: unknown): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value === "number" && !Number.isFinite(value)) return String(value)
  if (value instanceof Error) return describeCause(Cause.fail(value))
  return value
}
