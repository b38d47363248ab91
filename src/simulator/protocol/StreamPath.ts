/** What a handshake's URL asks for. */
export interface StreamRequest {
  readonly streams: ReadonlyArray<string>
  readonly combined: boolean
  readonly micros: boolean
}

/** An HTTP status that ends the handshake. */
export interface PathRefusal {
  readonly status: 400 | 404 | 414
}

/** The longest request target that the exchange was seen to take. */
const MAX_TARGET = 8_004

const units: Readonly<Record<string, boolean>> = {
  MICROSECOND: true,
  microsecond: true,
  MILLISECOND: false,
  millisecond: false,
}

const names = (text: string): ReadonlyArray<string> => text.split("/").filter((name) => name !== "")

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Reads `/ws`, `/ws/<stream>[/<stream>…]`, `/stream` and `/stream?streams=<stream>/…`, each with an optional
 * `timeUnit`. Names may be URL-encoded, and need not be.
 */
export const parseStreamPath = (target: string): StreamRequest | PathRefusal => {
  if (target.length > MAX_TARGET) {
    return { status: 414 }
  }
  const [rawPath = "", rawQuery = ""] = target.split("?", 2)
  const path = decoded(rawPath)
  if (path === undefined) {
    return { status: 400 }
  }
  const query = new URLSearchParams(rawQuery)
  const unit = query.get("timeUnit")
  const micros = unit === null ? false : units[unit]
  if (micros === undefined) {
    return { status: 400 }
  }
  if (path === "/ws" || path.startsWith("/ws/")) {
    return { streams: names(path.slice(3)), combined: false, micros }
  }
  if (path === "/stream" || path === "/stream/") {
    return { streams: names(query.get("streams") ?? ""), combined: true, micros }
  }
  return { status: 404 }
}
