import { Effect, Schema } from "effect"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { ProgramCommand, start } from "../fixtures/service/Program.ts"
import { request } from "../fixtures/service/request.ts"
import { read } from "./files.ts"

const Answer = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Struct({
      result: Schema.optional(Schema.Array(Schema.Unknown)),
      groups: Schema.optional(
        Schema.Array(
          Schema.Struct({
            rules: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String, health: Schema.String })),
          }),
        ),
      ),
    }),
  }),
)
const decode = Schema.decodeUnknownEffect(Answer)

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** A Prometheus with the project's own configuration, but that it asks `target` for the service, and everything each second. */
export const startPrometheus = Effect.fnUntraced(function* (program: string, target: string) {
  const folder = yield* temporaryFolder
  const port = yield* freePort
  const own = `127.0.0.1:${port}`
  const configuration = read("deploy/prometheus/prometheus.yml")
    .replaceAll(/_interval: 15s/g, "_interval: 1s")
    .replace("fulltape:3000", target)
    .replace("localhost:9090", own)
  // Read and written, so that a file that is no YAML is told here.
  writeFileSync(join(folder, "prometheus.yml"), stringify(parse(configuration)))
  writeFileSync(join(folder, "alerts.yml"), read("deploy/prometheus/alerts.yml"))
  const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
  const { explained } = yield* start([...flags, `--web.listen-address=${own}`]).pipe(
    Effect.provideService(ProgramCommand, [program]),
  )
  const ask = (path: string) =>
    explained(Effect.flatMap(request(`http://${own}/api/v1/${path}`), ({ text }) => Effect.orDie(decode(text))))
  yield* explained(
    eventually(
      "Prometheus answers",
      request(`http://${own}/-/ready`).pipe(Effect.catchDefect(() => Effect.succeed({ status: 0, text: "" }))),
      ({ status }) => status === 200,
    ),
  )
  return {
    /** How many series an expression has now. */
    series: (expression: string) =>
      Effect.map(ask(`query?query=${encodeURIComponent(expression)}`), ({ data }) => data.result?.length ?? 0),
    rules: Effect.map(ask("rules"), ({ data }) => (data.groups ?? []).flatMap(({ rules }) => rules)),
  }
})
