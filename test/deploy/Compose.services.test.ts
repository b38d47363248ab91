import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spawnSync } from "node:child_process"
import { systemProgram } from "../fixtures/service/systemProgram.ts"
import { pathOf, read } from "./files.ts"

const program = systemProgram("TEST_DOCKER_COMPOSE", "docker-compose")

/** What docker-compose makes of a file, in an environment of its own. */
const config = (env: Readonly<Record<string, string>> = {}, input?: string) => {
  const file = input === undefined ? pathOf("docker-compose.yml") : "-"
  const args = ["--env-file", "/dev/null", "--project-directory", pathOf("."), "--profile", "*", "-f", file, "config"]
  const done = spawnSync(program ?? "", [...args, "--format", "json"], {
    encoding: "utf8",
    env: { ...env, HOME: "/" },
    input,
  })
  return { status: done.status, output: done.stdout, said: done.stderr.split("\n").filter((line) => line !== "") }
}

const Resolved = Schema.fromJsonString(
  Schema.Struct({
    services: Schema.Record(
      Schema.String,
      Schema.Struct({
        environment: Schema.optional(Schema.Record(Schema.String, Schema.NullOr(Schema.String))),
        ports: Schema.optional(Schema.Array(Schema.Struct({ host_ip: Schema.String, published: Schema.String }))),
      }),
    ),
  }),
)
const resolved = (env?: Readonly<Record<string, string>>) => Schema.decodeSync(Resolved)(config(env).output).services

describe.skipIf(program === undefined)("docker-compose", () => {
  it("accepts the file by the schema of the Compose specification, which another one breaks", () => {
    const passwords = { POSTGRES_PASSWORD: "a", GRAFANA_PASSWORD: "b" }
    const { said, status } = config(passwords)
    assert.deepStrictEqual([status, said], [0, []])
    const broken = config(passwords, read("docker-compose.yml").replace("mem_limit: 2g", "mem_limits: 2g"))
    assert.notStrictEqual(broken.status, 0)
    assert.match(broken.said.join(), /timescaledb Additional property mem_limits is not allowed/)
  })

  it("warns of each default password, once, and starts all the same", () => {
    const { said, status } = config()
    assert.strictEqual(status, 0)
    assert.lengthOf(said, 2)
    for (const name of ["POSTGRES_PASSWORD", "GRAFANA_PASSWORD"])
      assert.lengthOf(
        said.filter((line) => line.includes(`level=warning msg="The \\"${name}\\" variable is not set.`)),
        1,
      )
    const one = config({ POSTGRES_PASSWORD: "secret" })
    assert.lengthOf(one.said, 1)
  })

  it("gives the service and the database the same password", () => {
    for (const [env, password] of [
      [{}, "fulltape"],
      [{ POSTGRES_PASSWORD: "s3cret" }, "s3cret"],
    ] as const) {
      const { fulltape, timescaledb } = resolved(env)
      assert.strictEqual(timescaledb?.environment?.["POSTGRES_PASSWORD"], password)
      const address = `postgres://fulltape:${password}@timescaledb:5432/fulltape`
      assert.strictEqual(fulltape?.environment?.["DATABASE_URL"], address)
    }
  })

  it("publishes on loopback, and where a variable says", () => {
    for (const [name, { ports = [] }] of Object.entries(resolved()))
      for (const { host_ip } of ports) assert.strictEqual(host_ip, "127.0.0.1", name)
    assert.strictEqual(resolved({ GRAFANA_PORT: "8080" })["grafana"]?.ports?.[0]?.published, "8080")
  })

  it("sends no traces where the variable is set to nothing", () => {
    const endpoint = (env?: Readonly<Record<string, string>>) =>
      resolved(env)["fulltape"]?.environment?.["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert.strictEqual(endpoint(), "http://otel-collector:4318")
    assert.strictEqual(endpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), "")
  })
})
