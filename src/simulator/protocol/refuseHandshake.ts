import { STATUS_CODES } from "node:http"
import { type Socket } from "node:net"

/** The body that the exchange sends from a restricted location; other refusals have an empty one. */
const restricted = `{"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in error."}`

/** Answers a WebSocket handshake with an HTTP status and closes the socket. */
export const refuseHandshake = (socket: Socket, status: number): void => {
  const body = status === 451 ? restricted : ""
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json;charset=UTF-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 429 || status === 418 || status === 503 ? ["Retry-After: 1"] : []),
    "Connection: close",
  ]
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`)
}
