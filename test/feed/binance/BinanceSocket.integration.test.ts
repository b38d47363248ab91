import { assert, describe, it, vi } from "@effect/vitest"
import { type Cause, Effect, Fiber, Predicate, Schedule, Scheduler, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type WebSocket } from "ws"
import type { ConnectionLost } from "../../../src/feed/ConnectionLost.ts"
import { BinanceSocket } from "../../../src/feed/binance/BinanceSocket.ts"
import { httpServer, webSocketServer } from "../../fixtures/servers.ts"

const open = (url: string) => Effect.flatMap(BinanceSocket, (sockets) => sockets.open(url))

/** Takes frames until there were `count` of them. */
const takeAll = Effect.fnUntraced(function* (url: string, count: number) {
  const socket = yield* open(url)
  const texts: Array<string> = []
  while (texts.length < count) for (const frame of yield* socket.take) texts.push(String(frame.bytes))
  return texts
})

const onlyLoss = (end: ConnectionLost | Cause.Done) =>
  Predicate.isTagged(end, "ConnectionLost") ? Effect.succeed(end) : Effect.die(end)

const live = (name: string, body: Effect.Effect<void, unknown, BinanceSocket | Scope.Scope>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(BinanceSocket.layer)))

describe("BinanceSocket", () => {
  live(
    "delivers every frame in order, those that came with the handshake too",
    Effect.gen(function* () {
      const url = yield* webSocketServer((socket) => {
        for (let i = 0; i < 50_000; i++) socket.send(`frame ${i}`)
      })
      const texts = yield* takeAll(url, 50_000)
      assert.deepStrictEqual(
        texts,
        Array.from({ length: 50_000 }, (_, index) => `frame ${index}`),
      )
    }),
  )

  live(
    "makes the exchange wait when nobody takes the frames, and has lost none afterwards",
    Effect.gen(function* () {
      const frame = "x".repeat(1_000)
      let server: WebSocket | undefined
      const url = yield* webSocketServer((socket) => {
        server = socket
        for (let i = 0; i < 60_000; i++) socket.send(`${i} ${frame}`)
      })
      const socket = yield* open(url)
      const unsent: Array<number> = []
      yield* waitUntil(() => {
        unsent.push(server?.bufferedAmount ?? 0)
        return unsent.length > 20 && new Set(unsent.slice(-20)).size === 1
      })
      assert.isAbove(unsent.at(-1) ?? 0, 10_000_000)

      const ids: Array<number> = []
      while (ids.length < 60_000)
        for (const { bytes } of yield* socket.take) ids.push(Number.parseInt(String(bytes), 10))
      assert.deepStrictEqual(
        ids,
        Array.from({ length: 60_000 }, (_, index) => index),
      )
    }),
  )

  live(
    "makes the exchange wait for few large frames as for many small ones",
    Effect.gen(function* () {
      const frame = "x".repeat(60_000)
      let server: WebSocket | undefined
      const url = yield* webSocketServer((socket) => {
        server = socket
        for (let i = 0; i < 1_000; i++) socket.send(frame)
      })
      const socket = yield* open(url)
      const unsent: Array<number> = []
      yield* waitUntil(() => {
        unsent.push(server?.bufferedAmount ?? 0)
        return unsent.length > 20 && new Set(unsent.slice(-20)).size === 1
      })
      assert.isAbove(unsent.at(-1) ?? 0, 30_000_000)
      assert.isBelow((yield* socket.take).length, 300)
    }),
  )

  live(
    "ends a connection with a frame that is longer than any trade",
    Effect.gen(function* () {
      const url = yield* webSocketServer((socket) => socket.send("x".repeat(70_000)))
      const loss = yield* Effect.flip(Effect.flatMap(open(url), ({ take }) => take))
      assert.match(String(loss), /broke \(Max payload size exceeded\)/)
    }),
  )

  live(
    "gives the frames that came before the end, and then why it ended",
    Effect.gen(function* () {
      const url = yield* webSocketServer((socket) => {
        socket.send("last words")
        socket.close(1008, "Pong timeout")
      })
      const socket = yield* open(url)
      assert.deepStrictEqual(
        (yield* socket.take).map(({ bytes }) => String(bytes)),
        ["last words"],
      )
      const loss = yield* Effect.flip(socket.take)
      assert.include(String(loss), "1008 Pong timeout")
    }),
  )

  live(
    "says that it had not been read when the exchange cut it meanwhile",
    Effect.gen(function* () {
      const closing = performance.now() + 3_000
      const url = yield* webSocketServer((socket) => {
        for (let i = 0; i < 20_000; i++) socket.send("x".repeat(1_000))
        setTimeout(() => socket.close(1008, "Pong timeout"), 3_000)
      })
      const socket = yield* open(url)
      yield* waitUntil(() => performance.now() > closing + 50)
      const loss = yield* Effect.flip(Effect.forever(socket.take))
      assert.match(
        String(loss),
        /after it had not been read for [23] s: the process was too busy, or its disk too slow/,
      )
    }),
  )

  live(
    "misses no frame that comes right before it is waited for",
    Effect.gen(function* () {
      const url = yield* webSocketServer((socket) => {
        let sent = 0
        const send = () => {
          socket.send(`${sent++}`)
          if (sent < 300) setImmediate(send)
        }
        send()
      })
      // A fiber that gives way every few steps gives way between the look and the wait as well.
      for (const steps of [3, 4, 5, 6, 7, 8]) {
        const texts = yield* takeAll(url, 300).pipe(
          Effect.scoped,
          Effect.provideService(Scheduler.MaxOpsBeforeYield, steps),
        )
        assert.strictEqual(texts.at(-1), "299")
      }
    }),
  )

  it.effect("is lost when neither a frame nor a ping came for 45 seconds, and not before", () =>
    Effect.gen(function* () {
      let ahead = 0
      const now = performance.now.bind(performance)
      const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + ahead)
      yield* Effect.addFinalizer(() => Effect.sync(() => clock.mockRestore()))
      const url = yield* webSocketServer((socket) => socket.send("first"))
      const socket = yield* open(url)
      yield* socket.take
      const waiting = yield* Effect.forkChild(Effect.flip(socket.take))
      ahead = 44_000
      yield* TestClock.adjust("45 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      ahead = 46_000
      yield* TestClock.adjust("2 seconds")
      const { reason } = yield* Fiber.join(waiting).pipe(Effect.flatMap(onlyLoss))
      assert.deepStrictEqual(reason, { _tag: "Silent", seconds: 46 })
    }).pipe(Effect.scoped, Effect.provide(BinanceSocket.layer)),
  )

  live(
    "survives a frame that is not UTF-8, and a binary one",
    Effect.gen(function* () {
      const url = yield* webSocketServer((socket) => {
        socket.send(Buffer.from([0xff, 0xfe, 0x7b]), { binary: false })
        socket.send(Buffer.from([1, 2, 3]), { binary: true })
        socket.send("fine")
      })
      assert.strictEqual((yield* takeAll(url, 3))[2], "fine")
    }),
  )

  live(
    "answers pings with their payload, while nothing else is sent",
    Effect.gen(function* () {
      let answer: string | undefined
      const url = yield* webSocketServer((socket) => {
        socket.on("pong", (data) => (answer = data.toString()))
        socket.ping("1791019853441")
      })
      yield* open(url)
      yield* waitUntil(() => answer === "1791019853441")
    }),
  )

  live(
    "tells the HTTP status of a refused handshake",
    Effect.gen(function* () {
      const server = yield* httpServer((_, response) => response.writeHead(451).end("{}"))
      server.protocol = "ws:"
      const loss = yield* Effect.flip(open(`ws://${server.host}/ws`))
      assert.deepInclude(loss.reason, { _tag: "Refused", status: 451 })
    }),
  )

  live(
    "says that nothing listens",
    Effect.gen(function* () {
      const loss = yield* Effect.flip(open("ws://127.0.0.1:1/ws"))
      assert.strictEqual(loss.reason._tag, "Unreachable")
      assert.include(String(loss), "ECONNREFUSED")
    }),
  )

  live(
    "closes the connection with its scope",
    Effect.gen(function* () {
      let code: number | undefined
      const url = yield* webSocketServer((socket) => socket.on("close", (status) => (code = status)))
      yield* Effect.scoped(open(url))
      yield* waitUntil(() => code !== undefined)
      assert.strictEqual(code, 1000)
    }),
  )
})

const waitUntil = (condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("10 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))),
  )
