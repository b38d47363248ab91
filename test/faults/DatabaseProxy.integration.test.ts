import { assert, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { DatabaseProxy } from "./DatabaseProxy.ts"

/** What the server says when all that it was asked for is committed, and while a transaction is open. */
const COMMITTED = "Z\0\0\0\x05I"
const IN_TRANSACTION = "Z\0\0\0\x05T"

/** A server that answers with what it was told, by way of a proxy; both live as long as the scope. */
const setUp = Effect.gen(function* () {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).on("data", (chunk) => socket.write(chunk)))
  })
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.sync(() => (sockets.forEach((socket) => socket.destroy()), server.close())),
  )
  return yield* DatabaseProxy.make({ host: "127.0.0.1", port })
})

/** A connection that remembers what it was told. */
const client = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const seen = { text: "", closed: false }
      const socket = connect({ host: "127.0.0.1", port })
      socket.on("data", (chunk) => (seen.text += chunk.toString("latin1")))
      socket.on("error", () => undefined).on("close", () => (seen.closed = true))
      return { seen, say: (text: string) => socket.write(Buffer.from(text, "latin1")), socket }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

const until = (met: () => boolean) =>
  Effect.sync(met).pipe(
    Effect.repeat({ until: (seen) => seen, schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("10 seconds"),
  )

it.live("passes everything on", () =>
  Effect.gen(function* () {
    const { port, proxy } = yield* setUp
    const { say, seen } = yield* client(port)
    say(`a${"x".repeat(5_000)}${COMMITTED}`)
    yield* until(() => seen.text.endsWith(COMMITTED))
    assert.strictEqual(proxy.connections, 1)
    assert.deepStrictEqual(proxy.counts, { delayed: 0, cut: 0, refused: 0, lost: 0 })
  }),
)

it.live("delays answers, and keeps their order when it stops to", () =>
  Effect.gen(function* () {
    const { port, proxy } = yield* setUp
    const { say, seen } = yield* client(port)
    say("0")
    yield* until(() => seen.text === "0")
    proxy.delay = 150
    say("1")
    const askedAt = performance.now()
    yield* until(() => proxy.counts.delayed === 1)
    proxy.delay = 0
    say("2")
    yield* until(() => seen.text.length === 3)
    assert.strictEqual(seen.text, "012")
    assert.isAtLeast(performance.now() - askedAt, 145)
  }),
)

it.live("resets who is connected, and refuses who comes, until it lets in again", () =>
  Effect.gen(function* () {
    const { port, proxy } = yield* setUp
    const [first, second] = yield* Effect.all([client(port), client(port)])
    yield* until(() => proxy.connections === 2)
    proxy.refuse(true)
    yield* until(() => first.seen.closed && second.seen.closed)
    const refused = yield* client(port)
    yield* until(() => refused.seen.closed)
    assert.deepStrictEqual(proxy.counts, { delayed: 0, cut: 2, refused: 1, lost: 0 })
    proxy.refuse(false)
    const { say, seen } = yield* client(port)
    say("again")
    yield* until(() => seen.text === "again")
  }),
)

it.live("loses the answer to a batch once it is committed, and no other answer", () =>
  Effect.gen(function* () {
    const { port, proxy } = yield* setUp
    const { say, seen } = yield* client(port)
    proxy.loseAnswer(true)
    say(`small${COMMITTED}`)
    yield* until(() => seen.text.endsWith(COMMITTED))
    const batch = "x".repeat(2_000)
    say(`${batch}${IN_TRANSACTION}`)
    yield* until(() => seen.text.endsWith(IN_TRANSACTION))
    assert.isFalse(seen.closed)
    say(`${batch}${COMMITTED}`)
    yield* until(() => seen.closed)
    assert.notInclude(seen.text, `${batch}${COMMITTED}`)
    assert.strictEqual(proxy.counts.lost, 1)
    const next = yield* client(port)
    next.say(`${batch}${COMMITTED}`)
    yield* until(() => next.seen.text.endsWith(COMMITTED))
  }),
)
