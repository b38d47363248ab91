import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option } from "effect"
import { execFile } from "node:child_process"
import { createServer } from "node:http"
import { gunzipSync } from "node:zlib"
import * as Tracing from "../../src/telemetry/Tracing.ts"

interface Received {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: {
    readonly resourceSpans: ReadonlyArray<{
      readonly resource: { readonly attributes: ReadonlyArray<{ key: string; value: { stringValue?: string } }> }
      readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
    }>
  }
}

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

/** A collector on a free port that answers every request with a status, or, with none, never. */
const collector = (status: number | undefined) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly endpoint: URL; readonly received: Array<Received>; readonly close: () => void }>(
      (resume) => {
        const received: Array<Received> = []
        const server = createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            const bytes = Buffer.concat(chunks)
            const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes
            received.push({ path: request.url ?? "", headers: request.headers, body: JSON.parse(text.toString()) })
            if (status !== undefined) response.writeHead(status, { "content-type": "application/json" }).end("{}")
          })
        })
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          assert(address !== null && typeof address === "object")
          resume(Effect.succeed({ endpoint: new URL(`http://127.0.0.1:${address.port}`), received, close }))
        })
      },
    ),
    ({ close }) => Effect.sync(close),
  )

const variable = (name: string, value: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process.env[name] = value
    }),
    () => Effect.sync(() => delete process.env[name]),
  )

const batch = Effect.void.pipe(Effect.withSpan("store.insert"), Effect.withSpan("ingest.batch"))

/** Runs a traced batch and shuts tracing down; gives the warnings and how long the shutdown took, in milliseconds. */
const trace = Effect.fnUntraced(function* (endpoint: URL) {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => warnings.push(String(message)))
  let ended = 0
  yield* batch.pipe(
    Effect.andThen(batch),
    Effect.andThen(
      Effect.sync(() => {
        ended = performance.now()
      }),
    ),
    Effect.provide(
      Tracing.layer({ endpoint, serviceName: "tape", environment: "test" }).pipe(
        Layer.provideMerge(Logger.layer([logger])),
      ),
    ),
  )
  return { warnings, shutdown: performance.now() - ended }
})

describe("Tracing", () => {
  it.live("delivers parent and child with the service's name when it is shut down", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      yield* variable("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc")
      yield* variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
      yield* variable("OTEL_RESOURCE_ATTRIBUTES", "team=data")
      const { warnings } = yield* trace(endpoint)
      assert.deepStrictEqual(warnings, [])
      assert.lengthOf(received, 1)
      const request = received[0]
      assert.strictEqual(request?.path, "/v1/traces")
      assert.strictEqual(request?.headers["x-token"], "abc")
      const resource = request?.body.resourceSpans[0]
      const attributes = resource?.resource.attributes.map(({ key, value }) => `${key}=${value.stringValue}`)
      assert.includeMembers(attributes ?? [], ["service.name=tape", "deployment.environment.name=test", "team=data"])
      const spans = resource?.scopeSpans.flatMap((scope) => scope.spans) ?? []
      assert.lengthOf(spans, 4)
      const [child, parent] = spans
      assert.strictEqual(child?.name, "store.insert")
      assert.strictEqual(parent?.name, "ingest.batch")
      assert.strictEqual(child?.parentSpanId, parent?.spanId)
      assert.strictEqual(child?.traceId, parent?.traceId)
      assert.isUndefined(parent?.parentSpanId)
    }).pipe(Effect.scoped),
  )

  it.live("keeps the path of the endpoint", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      yield* trace(new URL("/otlp/", endpoint))
      assert.strictEqual(received[0]?.path, "/otlp/v1/traces")
    }).pipe(Effect.scoped),
  )

  it.live("leaves sampling to the standard variables", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      yield* variable("OTEL_TRACES_SAMPLER", "always_off")
      yield* trace(endpoint)
      assert.deepStrictEqual(received, [])
    }).pipe(Effect.scoped),
  )

  it.live("is off with OTEL_SDK_DISABLED", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* collector(200)
      yield* variable("OTEL_SDK_DISABLED", "true")
      yield* trace(endpoint)
      assert.deepStrictEqual(received, [])
    }).pipe(Effect.scoped),
  )

  it.live.each([
    { name: "refuses connections", status: 200, open: false },
    { name: "refuses the spans", status: 400, open: true },
    { name: "is overloaded", status: 503, open: true },
    { name: "never answers", status: undefined, open: true },
  ])("ends in time, with one warning at most, when the collector $name", ({ open, status }) =>
    Effect.gen(function* () {
      const { close, endpoint } = yield* collector(status)
      if (!open) close()
      const { shutdown, warnings } = yield* trace(endpoint)
      assert.isBelow(shutdown, 2500)
      assert.isAtMost(warnings.length, 1)
      if (status === 400) assert.include(warnings[0], `The collector at ${endpoint.host} does not take traces`)
    }).pipe(Effect.scoped),
  )

  it.effect("makes no spans without an endpoint", () =>
    Effect.gen(function* () {
      const span = yield* Effect.currentSpan.pipe(Effect.withSpan("ingest.batch"), Effect.option)
      assert.isTrue(Option.isSome(span) && !span.value.sampled)
    }).pipe(Effect.provide(Tracing.layer({ endpoint: undefined, serviceName: "tape", environment: "test" }))),
  )

  it.live("loads nothing of OpenTelemetry without an endpoint", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* collector(200)
      assert.strictEqual(yield* loaded("undefined"), "")
      assert.strictEqual(yield* loaded(`new URL("${endpoint.href}")`), "@effect/opentelemetry,@opentelemetry")
    }).pipe(Effect.scoped),
  )

  it.live("does not hold a process that has finished while the collector is absent", () =>
    Effect.gen(function* () {
      const { close, endpoint } = yield* collector(200)
      close()
      const started = performance.now()
      yield* loaded(`new URL("${endpoint.href}")`)
      assert.isBelow(performance.now() - started, 5000)
    }).pipe(Effect.scoped),
  )
})

/** What of OpenTelemetry a process has loaded after it ran with an endpoint, which is given as an expression. */
const loaded = (endpoint: string) =>
  Effect.callback<string>((resume) => {
    const script = `
      import { registerHooks } from "node:module"
      const loaded = new Set()
      registerHooks({
        resolve: (specifier, context, next) => {
          const resolved = next(specifier, context)
          const name = /@(opentelemetry|effect\\/opentelemetry)/.exec(resolved.url)
          if (name) loaded.add(name[0])
          return resolved
        },
      })
      const { Effect } = await import("effect")
      const Tracing = await import(${JSON.stringify(new URL("../../src/telemetry/Tracing.ts", import.meta.url).href)})
      await Effect.runPromise(Effect.void.pipe(Effect.withSpan("a"), Effect.provide(
        Tracing.layer({ endpoint: ${endpoint}, serviceName: "tape", environment: "test" }))))
      console.log([...loaded].sort().join())
    `
    execFile(process.execPath, ["--input-type=module", "--eval", script], (error, stdout) =>
      resume(error === null ? Effect.succeed(stdout.trim()) : Effect.die(error)),
    )
  })
