import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Schedule } from "effect"
import { HttpServer } from "effect/http"
import { connect, type Socket } from "node:net"
import * as Http from "../../src/api/Http.ts"
import { Fakes } from "./Fakes.ts"

/** The port of a server that lives as long as the scope. */
const serving = Effect.fnUntraced(function* (host = "127.0.0.1", ping?: Effect.Effect<void>) {
  const context = yield* Layer.build(
    Http.layer({ host, port: 0 }).pipe(Layer.provide([new Fakes().layer(ping), Logger.layer([])])),
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  return "port" in address ? address.port : 0
})

/** A client of bytes, and what it was told so far. */
const client = (port: number, ...said: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; readonly seen: { text: string; closed: boolean } }>((resume) => {
      const seen = { text: "", closed: false }
      const socket = connect(port, "127.0.0.1", () => {
        for (const text of said) socket.write(text)
        resume(Effect.succeed({ socket, seen }))
      })
      socket.on("data", (chunk) => (seen.text += chunk.toString("latin1")))
      socket.on("error", () => undefined).on("close", () => (seen.closed = true))
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

const until = (met: () => boolean) =>
  Effect.sync(met).pipe(
    Effect.repeat({ until: (seen) => seen, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("20 seconds"),
  )

/** The status of what is answered to the bytes, once the server has closed the connection. */
const cutOff = Effect.fnUntraced(function* (port: number, ...said: ReadonlyArray<string>) {
  const { seen } = yield* client(port, ...said)
  yield* until(() => seen.closed)
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(seen.text)?.[1]), text: seen.text }
})

const head = (path: string, ...lines: ReadonlyArray<string>) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", ...lines, "", ""].join("\r\n")

const statusAt = (port: number, path = "/") =>
  Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`)).pipe(Effect.map(({ status }) => status))

describe("a request", () => {
  it.live("is refused where it is larger than any that is meant well, and the connection is closed", () =>
    Effect.gen(function* () {
      const port = yield* serving()
      const refusals: ReadonlyArray<readonly [status: number, what: string, text: string]> = [
        [431, "a long header", head("/", `X-Long: ${"x".repeat(17_000)}`)],
        [431, "many headers", head("/", ...Array.from({ length: 2_000 }, (_, index) => `X-${index}: 1`))],
        [431, "a very long address", head(`/${"a".repeat(20_000)}`)],
        [414, "a long address", head(`/${"a".repeat(3_000)}`)],
        [413, "a body", head("/health", "Content-Length: 2", "", "{}")],
        [413, "a body of a gigabyte", head("/health", "Content-Length: 1000000000")],
        [413, "a body without an end", head("/health", "Transfer-Encoding: chunked", "", "5\r\nhello\r\n")],
        [413, "a body that asks first", head("/health", "Content-Length: 1000000000", "Expect: 100-continue")],
        [400, "two lengths", head("/", "Content-Length: 1", "Transfer-Encoding: chunked")],
        [400, "no HTTP", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n"],
        [400, "no host", "GET / HTTP/1.1\r\n\r\n"],
      ]
      for (const [status, what, text] of refusals) assert.strictEqual((yield* cutOff(port, text)).status, status, what)
      assert.strictEqual(yield* statusAt(port, `/?${"a".repeat(1_500)}`), 200)
    }).pipe(Effect.scoped),
  )

  it.live("has to come in time", () =>
    Effect.gen(function* () {
      const port = yield* serving()
      const slow = yield* client(port, "GET /health HTTP/1.1\r\nHost: localhost\r\n")
      const silent = yield* client(port)
      yield* Effect.forkScoped(
        Effect.repeat(
          Effect.sync(() => slow.socket.write("X-Slow: 1\r\n")),
          Schedule.spaced("500 millis"),
        ),
      )
      yield* until(() => slow.seen.closed && silent.seen.closed)
      assert.match(slow.seen.text, /^HTTP\/1\.1 408 /)
    }).pipe(Effect.scoped),
  )

  it.live("by the name of another host is refused on loopback, since a web page may have sent it", () =>
    Effect.gen(function* () {
      const port = yield* serving()
      const status = (host: string) => cutOff(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      for (const host of ["localhost:3000", "LOCALHOST", "127.0.0.1:3000", "[::1]:3000", "fulltape.localhost"]) {
        assert.strictEqual((yield* status(host)).status, 200, host)
      }
      for (const host of ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.nip.io"]) {
        const { status: refused, text } = yield* status(host)
        assert.strictEqual(refused, 421, host)
        assert.include(text, "x-content-type-options: nosniff")
      }
    }).pipe(Effect.scoped),
  )

  it.live("by any name is answered where the service listens for others", () =>
    Effect.gen(function* () {
      const port = yield* serving("0.0.0.0")
      const { text } = yield* cutOff(port, "GET / HTTP/1.1\r\nHost: fulltape:3000\r\nConnection: close\r\n\r\n")
      assert.match(text, /^HTTP\/1\.1 200 /)
    }).pipe(Effect.scoped),
  )
})

describe("many requests", () => {
  it.live("on one connection before an answer is read end it", () =>
    Effect.gen(function* () {
      const port = yield* serving("127.0.0.1", Effect.never)
      const { seen } = yield* client(port, head("/health/db").repeat(17))
      yield* until(() => seen.closed)
      const modest = yield* client(port, head("/").repeat(16))
      yield* until(() => modest.seen.text.match(/HTTP\/1\.1 200/g)?.length === 16)
    }).pipe(Effect.scoped),
  )
})

describe("many connections", () => {
  it.live("that say nothing end each other, and somebody else is answered", () =>
    Effect.gen(function* () {
      const port = yield* serving()
      const idle = yield* Effect.forEach(Array.from({ length: 800 }), () => client(port), { concurrency: 100 })
      yield* until(() => idle.filter(({ seen }) => seen.closed).length >= 300)
      assert.strictEqual(yield* statusAt(port, "/health"), 200)
      const [last] = idle.slice(-1)
      assert.isFalse(last?.seen.closed)
    }).pipe(Effect.scoped),
  )

  it.live("that wait for an answer give way too, the oldest first, and those that are answered are kept", () =>
    Effect.gen(function* () {
      const port = yield* serving("127.0.0.1", Effect.never)
      const asking = yield* Effect.forEach(Array.from({ length: 500 }), () => client(port, head("/health/db")), {
        concurrency: 100,
      })
      assert.strictEqual(yield* statusAt(port), 200)
      const kept = yield* client(port, head("/"), head("/"))
      yield* until(() => kept.seen.text.match(/HTTP\/1\.1 200/g)?.length === 2)
      const closed = () => asking.filter(({ seen }) => seen.closed).length
      yield* until(() => closed() > 0)
      assert.isAtMost(closed(), 2)
      kept.socket.write(head("/"))
      yield* until(() => kept.seen.text.match(/HTTP\/1\.1 200/g)?.length === 3)
    }).pipe(Effect.scoped),
  )
})
