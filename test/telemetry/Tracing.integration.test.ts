import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option } from "effect"
import { execFile } from "node:child_process"
import * as Tracing from "../../src/telemetry/Tracing.ts"
import { startCollector } from "../fixtures/Collector.ts"

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
      Tracing.layer({ endpoint, serviceName: "tape", serviceVersion: "1.2", environment: "test" }).pipe(
        Layer.provideMerge(Logger.layer([logger])),
      ),
    ),
  )
  return { warnings, shutdown: performance.now() - ended }
})

describe("Tracing", () => {
  it.live("delivers parent and child with the service's name when it is shut down", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* startCollector()
      yield* variable("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc")
      yield* variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
      yield* variable("OTEL_RESOURCE_ATTRIBUTES", "team=data")
      const { warnings } = yield* trace(endpoint)
      assert.deepStrictEqual(warnings, [])
      assert.lengthOf(received, 1)
      const request = received[0]
      assert.strictEqual(request?.path, "/v1/traces")
      assert.strictEqual(request?.headers["x-token"], "abc")
      assert.deepInclude(request?.resource, {
        "service.name": "tape",
        "service.version": "1.2",
        "deployment.environment.name": "test",
        team: "data",
      })
      const spans = request?.spans ?? []
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
      const { endpoint, received } = yield* startCollector()
      yield* trace(new URL("/otlp/", endpoint))
      assert.strictEqual(received[0]?.path, "/otlp/v1/traces")
    }).pipe(Effect.scoped),
  )

  it.live("leaves sampling to the standard variables", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* startCollector()
      yield* variable("OTEL_TRACES_SAMPLER", "always_off")
      yield* trace(endpoint)
      assert.deepStrictEqual(received, [])
    }).pipe(Effect.scoped),
  )

  it.live.each([
    {
      name: "of a sampler",
      variables: { OTEL_TRACES_SAMPLER: "parent_based" },
      said: /OTEL_TRACES_SAMPLER value "parent_based" invalid/,
    },
    {
      name: "of its ratio",
      variables: { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "10" },
      said: /OTEL_TRACES_SAMPLER_ARG=10 was given, but it is out of range/,
    },
  ])("says that a value $name is none", ({ said, variables }) =>
    Effect.gen(function* () {
      const { endpoint } = yield* startCollector()
      for (const [name, value] of Object.entries(variables)) yield* variable(name, value)
      const { warnings } = yield* trace(endpoint)
      assert.lengthOf(warnings, 1)
      assert.match(warnings[0] ?? "", said)
    }).pipe(Effect.scoped),
  )

  it.live("tells when a collector that was away takes traces again, and how many are lost", () =>
    Effect.gen(function* () {
      yield* variable("OTEL_BSP_SCHEDULE_DELAY", "20")
      const answers = [503, 503, 200]
      const collector = yield* startCollector(() => answers.shift() ?? 200)
      yield* variable("OTEL_EXPORTER_OTLP_TIMEOUT", "10")
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => said.push(String(message)))
      yield* Effect.repeat(Effect.andThen(batch, Effect.sleep("50 millis")), { until: () => said.length === 2 }).pipe(
        Effect.timeout("10 seconds"),
        Effect.provide(
          Tracing.layer({ endpoint: collector.endpoint, serviceName: "tape", environment: "test" }).pipe(
            Layer.provideMerge(Logger.layer([logger])),
          ),
        ),
      )
      assert.match(said[0] ?? "", /does not take traces, they are dropped while that lasts$/)
      assert.match(said[1] ?? "", /takes traces again$/)
    }).pipe(Effect.scoped),
  )

  it.live("holds no more than its queue of what an absent collector does not take", () =>
    Effect.gen(function* () {
      const { close, endpoint } = yield* startCollector()
      close()
      const grown = Number(
        yield* said(`
          const spans = (count) => Effect.repeat(Effect.void.pipe(Effect.withSpan("a", { attributes: { text: "x".repeat(500) } })), { times: count })
          const heap = () => (gc(), process.memoryUsage().heapUsed)
          const grown = Effect.gen(function* () {
            yield* spans(5_000)
            const before = heap()
            for (let i = 0; i < 50; i++) yield* Effect.andThen(spans(2_000), Effect.sleep("10 millis"))
            return heap() - before
          })
          console.log(await Effect.runPromise(Effect.provide(grown, [
            Tracing.layer({ endpoint: new URL("${endpoint.href}"), serviceName: "tape", environment: "test" }).pipe(
              Layer.provide(Logger.layer([])))])))`),
      )
      assert.isBelow(grown, 10_000_000)
    }).pipe(Effect.scoped),
  )

  it.live("is off with OTEL_SDK_DISABLED", () =>
    Effect.gen(function* () {
      const { endpoint, received } = yield* startCollector()
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
      const { close, endpoint } = yield* startCollector(() => status)
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
      const { endpoint } = yield* startCollector()
      assert.strictEqual(yield* loaded("undefined"), "")
      assert.strictEqual(yield* loaded(`new URL("${endpoint.href}")`), "@effect/opentelemetry,@opentelemetry")
    }).pipe(Effect.scoped),
  )

  it.live("does not hold a process that has finished while the collector is absent", () =>
    Effect.gen(function* () {
      const { close, endpoint } = yield* startCollector()
      close()
      const started = performance.now()
      yield* loaded(`new URL("${endpoint.href}")`)
      assert.isBelow(performance.now() - started, 5_000)
    }).pipe(Effect.scoped),
  )
})

/** What of OpenTelemetry a process has loaded after it ran with an endpoint, which is given as an expression. */
const loaded = (endpoint: string) =>
  said(`
    await Effect.runPromise(Effect.void.pipe(Effect.withSpan("a"), Effect.provide(
      Tracing.layer({ endpoint: ${endpoint}, serviceName: "tape", environment: "test" }))))
    console.log([...loaded].sort().join())
  `)

/** What a script has written after it ran as a process of its own. */
const said = (script: string) =>
  Effect.callback<string>((resume) => {
    const before = `
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
      const { Effect, Layer, Logger } = await import("effect")
      const Tracing = await import(${JSON.stringify(new URL("../../src/telemetry/Tracing.ts", import.meta.url).href)})
    `
    execFile(process.execPath, ["--expose-gc", "--input-type=module", "--eval", before + script], (error, stdout) =>
      resume(error === null ? Effect.succeed(stdout.trim()) : Effect.die(error)),
    )
  })
