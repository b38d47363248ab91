import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Console, Context, Effect, Layer, Logger } from "effect"
import { Command } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as Http from "../../src/api/Http.ts"
import { health } from "../../src/cli/health.ts"
import { Fakes, waiting } from "../api/Fakes.ts"

/** Runs the command as a person would, and returns what it printed and the sentence of its failure. */
const run = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const printed: Array<string> = []
  const recorder: Console.Console = Object.assign(Object.create(console), {
    log: (...words: ReadonlyArray<unknown>) => printed.push(words.join(" ")),
  })
  const failure = yield* Command.runWith(health, { version: "1.2.3" })(args).pipe(
    Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message }),
    Effect.provideService(Console.Console, recorder),
    Effect.provide(NodeServices.layer),
  )
  return { printed: printed.join("\n"), failure }
})

const serving = Effect.fnUntraced(function* (fakes: Fakes) {
  const context = yield* Layer.build(
    Http.layer({ host: "127.0.0.1", port: 0, version: "1.2.3" }).pipe(Layer.provide([fakes.layer(), Logger.layer([])])),
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  return "port" in address ? address.port : 0
})

/** A port that nothing listens at: one that was free a moment ago. */
const freePort = Effect.scoped(serving(new Fakes()))

/** Something else, that answers every request with the text. */
const stranger = (body: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close),
  )

describe("health", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.live("prints each part and succeeds when the service is up", () =>
    Effect.gen(function* () {
      const port = yield* serving(new Fakes())
      vi.stubEnv("HOST", "0.0.0.0")
      vi.stubEnv("PORT", String(port))
      const { failure, printed } = yield* run()
      assert.isUndefined(failure)
      const lines = printed.split("\n")
      assert.strictEqual(lines[0], `fulltape 1.2.3 at http://127.0.0.1:${port} is up, running for 1m 18s`)
      assert.strictEqual(lines[1], "  pipeline  up")
      assert.match(lines[2] ?? "", /^ {2}database {2}up, since \d{4}-/)
      assert.strictEqual(lines[3], "  binance   up, since 1970-01-01T00:00:00.000Z")
      assert.match(
        lines[4] ?? "",
        /^ {4}stream\.binance\.com:9443 connected, last frame .+ ago, 0 reconnects: BTCUSDT, ETHUSDT$/,
      )
      assert.strictEqual(lines[5], "  trades    0 missing, 0 waiting for their commit, the oldest for 0.0s")
      assert.lengthOf(lines, 6)
    }).pipe(Effect.scoped),
  )

  it.live("prints what is wrong and fails when the service is down", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.databaseFails = true
      fakes.connections = [waiting]
      const port = yield* serving(fakes)
      const { failure, printed } = yield* run("--url", `http://127.0.0.1:${port}`)
      assert.strictEqual(failure, `fulltape at http://127.0.0.1:${port} is down.`)
      assert.include(printed, "  database  down, since ")
      assert.include(printed, "What is wrong:\n  - The database does not answer: connect ECONNREFUSED 127.0.0.1:5432.")
      assert.include(printed, "    stream.binance.com:9443 waiting, 3 reconnects: SOLUSDT\n")
      assert.include(printed, "\n  - No trades of SOLUSDT arrive since 1970-01-01T00:00:00.000Z:")
    }).pipe(Effect.scoped),
  )

  it.live("prints the answer as JSON", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.running = false
      const port = yield* serving(fakes)
      const { failure, printed } = yield* run("--json", "--url", `127.0.0.1:${port}`)
      assert.isDefined(failure)
      assert.nestedInclude(JSON.parse(printed), { status: "down", "checks.pipeline.status": "down" })
    }).pipe(Effect.scoped),
  )

  it.live("says so when nothing listens", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const { failure, printed } = yield* run("--url", `http://127.0.0.1:${port}`)
      const sentence = `Nothing listens at http://127.0.0.1:${port}: start the service, or name it with --url.`
      assert.strictEqual(failure, sentence)
      assert.strictEqual(printed, "")
    }),
  )

  it.live("says so when something else answers", () =>
    Effect.gen(function* () {
      for (const body of ["<html></html>", '{"status":"ok"}']) {
        const { port } = yield* stranger(body)
        const { failure } = yield* run("--url", `http://127.0.0.1:${port}`)
        const sentence = `What answers at http://127.0.0.1:${port}/health is not Fulltape: name the service with --url.`
        assert.strictEqual(failure, sentence)
      }
    }).pipe(Effect.scoped),
  )

  it.live("says so when the port is not known", () =>
    Effect.gen(function* () {
      vi.stubEnv("PORT", "0")
      const { failure } = yield* run()
      assert.strictEqual(failure, "With PORT=0 the service chooses its port: name it with --url.")
    }),
  )

  it.live("refuses what is not a URL", () =>
    Effect.gen(function* () {
      const { failure } = yield* run("--url", "http://")
      assert.strictEqual(failure, '--url "http://" is not a URL; it takes one such as http://localhost:3000.')
    }),
  )
})
