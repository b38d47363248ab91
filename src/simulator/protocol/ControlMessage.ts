/** What a client's text frame asks for. `id` is the JSON text to echo, so that 64-bit integers stay whole. */
export type ControlMessage =
  | { readonly kind: "subscribe" | "unsubscribe"; readonly streams: ReadonlyArray<string>; readonly id: string }
  | { readonly kind: "list" | "getCombined"; readonly id: string }
  | { readonly kind: "setCombined"; readonly value: boolean; readonly id: string }
  | { readonly kind: "error"; readonly answer: string }

const methods = ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"]

const error = (code: number, msg: string, id?: string): ControlMessage => ({
  kind: "error",
  answer: `{"code":${code},"msg":${JSON.stringify(msg)}${id === undefined ? "" : `,"id":${id}`}}`,
})

const invalid = (what: string, id?: string): ControlMessage => error(2, `Invalid request: ${what}`, id)

const parsed = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** The id as JSON text; undefined when it is missing or of an unsupported type. */
const idText = (id: unknown, text: string): string | undefined => {
  if (id === null) {
    return "null"
  }
  if (typeof id === "string") {
    return /^[\w-]{0,36}$/.test(id) ? JSON.stringify(id) : undefined
  }
  const digits = typeof id === "number" ? /"id"\s*:\s*(-?\d+)\s*[,}]/.exec(text)?.[1] : undefined
  return digits !== undefined && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits) ? digits : undefined
}

const property = (method: string, params: ReadonlyArray<unknown>, id: string): ControlMessage => {
  const [name, value] = params
  if (params.length > (method === "SET_PROPERTY" ? 2 : 1)) {
    return invalid("too many parameters", id)
  }
  if (typeof name !== "string") {
    return invalid("property name must be a string", id)
  }
  if (name !== "combined") {
    return error(0, "Unknown property", id)
  }
  if (method === "GET_PROPERTY") {
    return { kind: "getCombined", id }
  }
  return typeof value === "boolean"
    ? { kind: "setCombined", value, id }
    : error(1, "Invalid value type: expected Boolean", id)
}

/**
 * Reads a control request and words the error where there is one, as the documentation of the streams does
 * (https://github.com/binance/binance-spot-api-docs/blob/master/web-socket-streams.md#error-messages). Whether a stream
 * exists is not asked here, nor by the exchange.
 */
export const parseControlMessage = (text: string): ControlMessage => {
  const json = parsed(text)
  if (json === undefined || typeof json.value !== "object" || json.value === null || Array.isArray(json.value)) {
    return error(3, "Invalid JSON: expected value at line 1 column 1")
  }
  const request: { readonly method?: unknown; readonly params?: unknown; readonly id?: unknown } = json.value
  const { method } = request
  if (method === undefined) {
    return invalid(`missing field \`method\` at line 1 column ${text.length}`)
  }
  if (typeof method !== "string" || !methods.includes(method)) {
    const column = text.indexOf(JSON.stringify(method)) + JSON.stringify(method).length
    const expected = methods.map((name) => `\`${name}\``).join(", ")
    return invalid(`unknown variant \`${String(method)}\`, expected one of ${expected} at line 1 column ${column}`)
  }
  const id = idText(request.id, text)
  if (id === undefined) {
    return invalid("request ID must be an unsigned integer")
  }
  const params: ReadonlyArray<unknown> = Array.isArray(request.params) ? request.params : []
  if (method === "LIST_SUBSCRIPTIONS") {
    return params.length === 0 ? { kind: "list", id } : invalid("too many parameters", id)
  }
  if (method === "SET_PROPERTY" || method === "GET_PROPERTY") {
    return property(method, params, id)
  }
  const streams = params.filter((name) => typeof name === "string")
  if (!Array.isArray(request.params) || streams.length < params.length) {
    return invalid("invalid stream", id)
  }
  return { kind: method === "SUBSCRIBE" ? "subscribe" : "unsubscribe", streams, id }
}
