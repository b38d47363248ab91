import { Cause } from "effect"

/**
 * A cause as one line without a stack: what failed and what caused that. A defect, which is a bug and has no better
 * description, names the place that threw it.
 */
export const describeCause = (cause: Cause.Cause<unknown>): string => {
  const texts = cause.reasons.map((reason) => {
    if (Cause.isInterruptReason(reason)) return "interrupted"
    return Cause.isFailReason(reason) ? describe(reason.error, 0) : describe(reason.defect, 0) + place(reason.defect)
  })
  return [...new Set(texts)].join("; ").replace(/\s*[\r\n]+\s*/g, " ")
}

/** Deeper chains repeat themselves. */
const maxDepth = 4

const describe = (error: unknown, depth: number): string => {
  if (!(error instanceof Error)) return typeof error === "string" ? error : stringify(error)
  const name = "_tag" in error && typeof error._tag === "string" ? error._tag : error.name
  // Node reports a host with several addresses as an AggregateError without a message
  const message =
    error.message === "" && error instanceof AggregateError
      ? error.errors.map((inner) => describe(inner, depth + 1)).join(", ")
      : error.message
  const own = message === "" ? name : `${name}: ${message}`
  if (error.cause === undefined || depth === maxDepth) return own
  const inner = describe(error.cause, depth + 1)
  return own.includes(inner) ? own : `${own}, caused by ${inner}`
}

const place = (defect: unknown): string => {
  const frame = defect instanceof Error ? /^\s+(at .+)$/m.exec(defect.stack ?? "")?.[1] : undefined
  return frame === undefined ? "" : ` (${frame})`
}

const stringify = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
