import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Console, Context, Effect, Layer, Logger } from "effect"
import { Command } from "effect/cli"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import type { Checks } from "../../src/api/Checks.ts"
import * as Http from "../../src/api/Http.ts"
import { health } from "../../src/cli/health.ts"
import type { Performance } from "../../src/telemetry/Performance.ts"
import { connected, Fakes, waiting } from "../api/Fakes.ts"

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

const serving = Effect.fnUntraced(function* (parts: Layer.Layer<Checks | Performance>) {
  const context = yield* Layer.build(
    Http.layer({ host: "127.0.0.1", port: 0, version: "1.2.3" }).pipe(Layer.provide([parts, Logger.layer([])])),
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  return "port" in address ? address.port : 0
})

/** A port that nothing listens at: one that was free a moment ago. */
const freePort = Effect.scoped(serving(new Fakes().layer()))

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
      const fakes = new Fakes()
      fakes.connections = [{ ...connected, lastFrameAt: undefined }]
      fakes.newest = [{ symbol: "BTCUSDT", id: 7, time: (Date.now() + 60_000) * 1_000 }]
      const port = yield* serving(fakes.layer())
      vi.stubEnv("HOST", "0.0.0.0")
      vi.stubEnv("PORT", String(port))
      const { failure, printed } = yield* run()
      assert.isUndefined(failure)
      const lines = printed.split("\n").map((line) => line.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "…"))
      assert.deepStrictEqual(lines, [
        `fulltape 1.2.3 at http://127.0.0.1:${port} is up since …, running for 1m 18s`,
        "  trades    are being stored: 0 missing, 0 waiting for their commit, the oldest for 0.0s",
        "  pipeline  up since …",
        "  database  up since … (timescaledb-community 2.29.2)",
        "  binance   up since …",
        "    stream.binance.com:9443 connected since …, 0 reconnects, replaced by …",
        "      BTCUSDT: trade 7, matched 0.0s ago",
        "      ETHUSDT: no trade yet",
        "  spill     up since …",
        "  repair    up since …",
      ])
    }).pipe(Effect.scoped),
  )

  it.live("names no database before it is known", () =>
    Effect.gen(function* () {
      const port = yield* serving(new Fakes().starting("It waits."))
      const { failure, printed } = yield* run("--url", `127.0.0.1:${port}`)
      assert.isUndefined(failure)
      assert.match(printed, /^ {2}database {2}down since \S+$/m)
      assert.match(printed, /^ {2}- No trade is being stored yet: the service is starting\. It waits\.$/m)
    }).pipe(Effect.scoped),
  )

  it.live("prints what is wrong, and fails for it when the service is down, or readiness is asked for", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.databaseFails = true
      fakes.connections = [waiting]
      const port = yield* serving(fakes.layer())
      const url = `http://127.0.0.1:${port}`
      const degraded = yield* run("--url", url)
      assert.isUndefined(degraded.failure)
      assert.match(degraded.printed, /^ {2}database {2}down since /m)
      assert.include(degraded.printed, "  trades    are NOT being stored: ")
      assert.include(
        degraded.printed,
        "What is wrong:\n  - The database does not answer: connect ECONNREFUSED 127.0.0.1:5432.",
      )
      assert.include(
        degraded.printed,
        "    stream.binance.com:9443 waiting since 1970-01-01T00:00:00.000Z, 3 reconnects; last lost because ",
      )
      assert.include(degraded.printed, "\n  - No trades of SOLUSDT arrive since 1970-01-01T00:00:00.000Z:")
      const unready = yield* run("--ready", "--url", url)
      assert.strictEqual(unready.failure, `fulltape at ${url} stores no trades now.`)

      fakes.pipeline = { name: "ended", since: 0 }
      const down = yield* run("--url", url)
      assert.strictEqual(down.failure, `fulltape at ${url} is down.`)
    }).pipe(Effect.scoped),
  )

  it.live("prints the answer as JSON", () =>
    Effect.gen(function* () {
      const fakes = new Fakes()
      fakes.pipeline = { name: "ended", since: 0 }
      const port = yield* serving(fakes.layer())
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
