import { type ServerResponse } from "node:http"

/** What setTimeout can wait: 24 days. */
const LONGEST_TIMER = 2_147_483_647

/** Acts after `delay` ms, unless the client gave up by then. */
export const later = (response: ServerResponse, delay: number, act: () => void): void => {
  const timer = setTimeout(act, Math.min(LONGEST_TIMER, delay))
  response.once("close", () => clearTimeout(timer))
}

/** Sends the headers of a whole answer and the first half of its body, then ends the connection. */
export const endHalfway = (response: ServerResponse, body: string): void => {
  const bytes = Buffer.from(body)
  response.setHeader("Content-Length", bytes.length)
  response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.socket?.destroySoon())
}
