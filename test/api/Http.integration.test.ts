import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Logger, Scope, Tracer } from "effect"
import { HttpServer } from "effect/http"
import { connect, createServer, type Socket } from "node:net"
import * as Http from "../../src/api/Http.ts"
import { PortUnavailable } from "../../src/api/PortUnavailable.ts"
import { Fakes } from "./Fakes.ts"

const host = "127.0.0.1"

const serving = (port: number, logs = Logger.layer([])) =>
  Http.layer({ host, port }).pipe(Layer.provide([new Fakes().layer(), logs]))

const portOf = (context: Context.Context<HttpServer.HttpServer>): number => {
  const { address } = Context.get(context, HttpServer.HttpServer)
  return "port" in address ? address.port : 0
}

/** A port that another program has. */
const taken = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer().listen(0, host, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close),
)

/** A client that sent half a request and waits. */
const halfARequest = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect(port, host, () =>
        socket.write("GET /health HTTP/1.1\r\n", () => resume(Effect.succeed(socket))),
      )
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

const closed = (socket: Socket) =>
  Effect.callback<void>((resume) => {
    socket.once("close", () => resume(Effect.void))
  })

describe("Http.layer", () => {
  it.live("answers from the moment the port is open, and logs where", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logs = Logger.layer([Logger.make(({ message }) => lines.push(message))])
      const context = yield* Layer.build(serving(0, logs))
      const url = `http://${host}:${portOf(context)}`
      const response = yield* Effect.promise(() => fetch(`${url}/health/`))
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(lines, [[`Listening on ${url} (/health, /metrics, /docs)`]])
    }).pipe(Effect.scoped),
  )

  it.live("makes no spans of probes", () =>
    Effect.gen(function* () {
      const paths: Array<unknown> = []
      const recorder = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          span.attribute = (key, value) => key === "url.path" && paths.push(value)
          return span
        },
      })
      const context = yield* Layer.build(serving(0)).pipe(Effect.provideService(Tracer.Tracer, recorder))
      for (const path of ["/health", "/health/db", "/metrics", "/openapi.json"]) {
        yield* Effect.promise(() => fetch(`http://${host}:${portOf(context)}${path}`))
      }
      assert.deepStrictEqual(paths, ["/openapi.json"])
    }).pipe(Effect.scoped),
  )

  it.live("fails with one sentence where the port is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* taken
      const error = yield* Effect.flip(Layer.build(serving(port)))
      assert.instanceOf(error, PortUnavailable)
      assert.strictEqual(error.message, `Port ${port} on 127.0.0.1 is taken by another program: stop it or set PORT.`)
    }).pipe(Effect.scoped),
  )

  it.live("fails with one sentence where the host is not this machine's", () =>
    Effect.gen(function* () {
      const elsewhere = Http.layer({ host: "192.0.2.1", port: 0 }).pipe(Layer.provide(new Fakes().layer()))
      const error = yield* Effect.flip(Layer.build(elsewhere))
      assert.strictEqual(
        error.message,
        "192.0.2.1 is not an address of this machine: set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.",
      )
    }).pipe(Effect.scoped),
  )

  it.live("stops in time although a client holds its request back, and cuts it off", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(serving(0), scope)
      const client = yield* halfARequest(portOf(context))
      const cutOff = yield* Effect.forkChild(closed(client))
      const [elapsed] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(elapsed), 4000)
      yield* Fiber.join(cutOff).pipe(Effect.timeout("5 seconds"))
    }).pipe(Effect.scoped),
  )
})

describe("PortUnavailable", () => {
  it("says what to set where the port is for privileged users", () =>
    assert.strictEqual(
      new PortUnavailable({ host, port: 80, code: "EACCES" }).message,
      "Port 80 on 127.0.0.1 is for privileged users only: set PORT to 1024 or above.",
    ))
})
