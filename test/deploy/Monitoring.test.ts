import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { existsSync } from "node:fs"
import { basename, posix } from "node:path"
import { containerPorts, mounts, service } from "./composeFile.ts"
import { decoded, pathOf } from "./files.ts"

const Strings = Schema.Array(Schema.String)

const prometheus = decoded(
  "deploy/prometheus/prometheus.yml",
  Schema.Struct({
    rule_files: Strings,
    scrape_configs: Schema.Array(
      Schema.Struct({
        job_name: Schema.String,
        static_configs: Schema.Array(Schema.Struct({ targets: Strings })),
        metrics_path: Schema.optional(Schema.String),
      }),
    ),
  }),
)

/** Where a file of a container comes from, or undefined where it is none of the project's. */
const origin = (name: string, path: string): string | undefined => {
  const found = mounts(service(name)).find(({ from, to }) => from.startsWith("./") && `${path}/`.startsWith(`${to}/`))
  return found && posix.join(found.from, path.slice(found.to.length))
}

/** That something listens at `host:port` of the containers. */
const assertListens = (address: string) => {
  const [host = "", port = ""] = address.split(":")
  assert.include(containerPorts(service(host)), port, address)
}

describe("Prometheus", () => {
  it("asks the service where it listens, at the path that clients get the text format from", () => {
    const job = prometheus.scrape_configs.find(({ job_name }) => job_name === "fulltape")
    const targets = (job?.static_configs ?? []).flatMap(({ targets }) => targets)
    assert.deepStrictEqual(
      targets.map((target) => target.split(":")[0]),
      ["fulltape"],
    )
    for (const target of targets) assertListens(target)
    assert.isUndefined(job?.metrics_path)
  })

  it("reads its configuration and the rules that this names from files that are mounted there", () => {
    const file =
      service("prometheus")
        .command?.find((flag) => flag.startsWith("--config.file="))
        ?.split("=")[1] ?? ""
    assert.strictEqual(origin("prometheus", file), "deploy/prometheus/prometheus.yml")
    assert.isNotEmpty(prometheus.rule_files)
    for (const rules of prometheus.rule_files) {
      const from = origin("prometheus", posix.join(posix.dirname(file), rules)) ?? ""
      assert.strictEqual(basename(from), rules)
      assert.isTrue(existsSync(pathOf(from)), from)
    }
  })

  it("has the folder of its files mounted: of a single file it would keep what an editor has replaced", () => {
    const from = mounts(service("prometheus")).map(({ from }) => from)
    assert.deepStrictEqual(from, ["./deploy/prometheus", "prometheus"])
  })

  it("writes into a volume", () => {
    const path = service("prometheus")
      .command?.find((flag) => flag.startsWith("--storage.tsdb.path="))
      ?.split("=")[1]
    assert.deepInclude(mounts(service("prometheus")), { from: "prometheus", to: path })
  })
})

describe("Grafana", () => {
  const { datasources } = decoded(
    "deploy/grafana/provisioning/datasources/prometheus.yml",
    Schema.Struct({
      datasources: Schema.Array(Schema.Struct({ uid: Schema.String, type: Schema.String, url: Schema.String })),
    }),
  )
  const { providers } = decoded(
    "deploy/grafana/provisioning/dashboards/fulltape.yml",
    Schema.Struct({ providers: Schema.Array(Schema.Struct({ options: Schema.Struct({ path: Schema.String }) })) }),
  )

  it("asks the Prometheus of the same file", () => {
    assert.deepStrictEqual(
      datasources.map(({ type, uid }) => [type, uid]),
      [["prometheus", "prometheus"]],
    )
    for (const { url } of datasources) assertListens(url.replace("http://", ""))
  })

  it("reads what it is provisioned with, and its first page, from folders that are mounted there", () => {
    assert.strictEqual(origin("grafana", "/etc/grafana/provisioning"), "deploy/grafana/provisioning")
    for (const { options } of providers)
      assert.strictEqual(origin("grafana", options.path), "deploy/grafana/dashboards")
    const home = service("grafana").environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? ""
    assert.isTrue(existsSync(pathOf(origin("grafana", home) ?? "")), home)
  })
})

describe("otel-collector.yaml", () => {
  const Endpoint = Schema.Struct({ endpoint: Schema.String })
  const collector = decoded(
    "otel-collector.yaml",
    Schema.Struct({
      receivers: Schema.Struct({ otlp: Schema.Struct({ protocols: Schema.Struct({ http: Endpoint }) }) }),
      exporters: Schema.Record(
        Schema.String,
        Schema.NullOr(Schema.Struct({ endpoint: Schema.optional(Schema.String) })),
      ),
      service: Schema.Struct({ pipelines: Schema.Record(Schema.String, Schema.Struct({ exporters: Strings })) }),
    }),
  )

  it("receives traces where the service sends them", () => {
    const sent = service("fulltape").environment?.["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? ""
    const [, port = ""] = /http:\/\/otel-collector:(\d+)\}$/.exec(sent) ?? []
    assert.strictEqual(collector.receivers.otlp.protocols.http.endpoint, `0.0.0.0:${port}`)
    assert.deepStrictEqual(containerPorts(service("otel-collector")), [port])
    assert.deepStrictEqual(mounts(service("otel-collector")), [
      { from: "./otel-collector.yaml", to: "/etc/otelcol/config.yaml" },
    ])
  })

  it("passes them on to the Jaeger of the same file", () => {
    const { traces } = collector.service.pipelines
    const endpoints = (traces?.exporters ?? []).map((name) => collector.exporters[name]?.endpoint)
    assert.include(endpoints, "jaeger:4317")
    assert.match(service("jaeger").image, /^jaegertracing\/jaeger:2\./)
  })
})
