import { Effect, Schedule } from "effect"
import { type ClientOptions, WebSocket } from "ws"

/** A bare client that keeps everything it saw. */
export interface TestClient {
  readonly ws: WebSocket
  readonly frames: Array<string>
  readonly pings: Array<string>
  /** `[code, reason]` once closed. */
  readonly closed: () => readonly [number, string] | undefined
  readonly send: (message: unknown) => Effect.Effect<void>
}

/** Connects, for as long as the scope is open; fails with the HTTP status of a refused handshake. */
export const connect = (url: string, options: ClientOptions = {}) =>
  Effect.acquireRelease(
    Effect.callback<TestClient, number>((resume) => {
      const ws = new WebSocket(url, { perMessageDeflate: false, ...options })
      const frames: Array<string> = []
      const pings: Array<string> = []
      let closed: readonly [number, string] | undefined
      ws.on("message", (data) => frames.push(data.toString()))
      ws.on("ping", (data) => pings.push(data.toString()))
      ws.on("close", (code, reason) => {
        closed = [code, reason.toString()]
      })
      ws.on("error", () => undefined)
      ws.on("unexpected-response", (_, response) => {
        response.resume()
        resume(Effect.fail(response.statusCode ?? 0))
      })
      ws.on("open", () =>
        resume(
          Effect.succeed({
            ws,
            frames,
            pings,
            closed: () => closed,
            send: (message) =>
              Effect.sync(() => ws.send(typeof message === "string" ? message : JSON.stringify(message))),
          }),
        ),
      )
    }),
    ({ ws }) => Effect.sync(() => ws.terminate()),
  )

/** Waits for a condition, 8 seconds at most. */
export const until = (what: string, condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.filterOrFail(
      (ok) => ok,
      () => `never came about: ${what}`,
    ),
    Effect.retry(Schedule.spaced("10 millis").pipe(Schedule.upTo({ duration: "8 seconds" }))),
  )

/** The trades among frames, raw or combined. */
export const tradesIn = (frames: ReadonlyArray<string>): ReadonlyArray<Record<string, unknown>> =>
  frames.flatMap((frame) => {
    if (!frame.includes(`"e":"trade"`)) {
      return []
    }
    const value = JSON.parse(frame)
    return [value.data ?? value]
  })

/** The ids of a symbol's trades among frames, in order of arrival. */
export const idsIn = (frames: ReadonlyArray<string>, symbol: string): ReadonlyArray<number> =>
  tradesIn(frames).flatMap(({ s, t }) => (s === symbol && typeof t === "number" ? [t] : []))

/** `first, first + 1, …` */
export const consecutive = (first: number, length: number): Array<number> =>
  Array.from({ length }, (_, index) => first + index)

export interface TestResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** One HTTP request. */
export const request = (url: string, init: RequestInit = {}): Effect.Effect<TestResponse> =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    const text = await response.text()
    const json: unknown = text.startsWith("<") ? undefined : JSON.parse(text)
    return { status: response.status, headers: response.headers, text, json }
  })
