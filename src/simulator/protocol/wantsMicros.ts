import { type IncomingMessage } from "node:http"

/** Whether a request asks for times in µs. */
export const wantsMicros = (request: IncomingMessage): boolean =>
  request.headers["x-mbx-time-unit"]?.toString().toUpperCase() === "MICROSECOND"
