import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync } from "node:fs"
import { variables } from "../../src/settings/variables.ts"
import { compose, containerPorts, mounts, service, type Service } from "./composeFile.ts"
import * as dockerfile from "./dockerfile.ts"
import { matches, pathOf, read } from "./files.ts"

const services = Object.entries(compose.services)
const known: ReadonlySet<string> = new Set(Object.values(variables).map(({ name }) => name))
const [listed = ""] = matches(read("src/cli/fulltape.ts"), /withSubcommands\(\[([^\]]*)\]/g)
const subcommands = listed.split(",").map((name) => name.trim())

/** Settings that are not passed on, and who decides instead. */
const withheld: Readonly<Record<string, string>> = {
  HOST: "the image: a container has its own interfaces",
  PORT: "the image: outside it is the port that is published",
  DATA_DIR: "the image: a volume is there",
  NODE_ENV: "the image",
  LOG_DIR: "nobody: the log is the container's output, and nothing but DATA_DIR can be written",
}

/** What the image's own health check or the file's asks. */
const healthcheckOf = ({ healthcheck, image }: Service): ReadonlyArray<string> =>
  healthcheck?.test ?? (image === "fulltape:local" ? ["CMD", ...dockerfile.healthcheck] : [])

/** Every address in the values of a service, as host and port. */
const addresses = ({ environment = {} }: Service) =>
  Object.values(environment).flatMap((value) =>
    [...value.matchAll(/(?:\/\/|@)([a-z][\w-]*):(\d+)/g)].map(([, host = "", port = ""]) => ({ host, port })),
  )

describe("docker-compose.yml", () => {
  it("starts everything without a profile, but for the simulated exchange", () => {
    const always = services.flatMap(([name, { profiles }]) => (profiles === undefined ? [name] : []))
    assert.sameMembers(always, [
      "fulltape",
      "timescaledb",
      "redis",
      "otel-collector",
      "jaeger",
      "prometheus",
      "grafana",
    ])
    assert.deepStrictEqual(service("simulator").profiles, ["simulator"])
  })

  it("has every profile that a document or a file of the containers names", () => {
    const profiles = services.flatMap(([, { profiles = [] }]) => profiles)
    const documents = readdirSync(pathOf("docs")).flatMap((file) => (file.endsWith(".md") ? [`docs/${file}`] : []))
    const files = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", ...documents]
    const named = [...files, "docker-compose.yml", "otel-collector.yaml", "deploy/prometheus/prometheus.yml"].flatMap(
      (file) => matches(read(file).replaceAll(/\s+/g, " "), /(?:--profile |\bprofile `|COMPOSE_PROFILES=)(\w+)/g),
    )
    assert.includeMembers(named, profiles)
    assert.includeMembers(profiles, named)
  })

  it("passes every setting on under its own name, but for those that the image decides", () => {
    const { environment = {} } = service("fulltape")
    const passed = Object.keys(environment)
    assert.deepStrictEqual(
      passed.filter((name) => !known.has(name) && !name.startsWith("OTEL_")),
      [],
    )
    assert.sameMembers(
      [...known].filter((name) => !passed.includes(name)),
      Object.keys(withheld),
    )
    for (const [name, value] of Object.entries(environment))
      if (!/^(DATABASE|REDIS)_URL$/.test(name)) assert.match(value, new RegExp(`^\\$\\{${name}:?-[^}]*\\}$`))
  })

  it("leads the service to ports at which the other containers listen", () => {
    const found = addresses(service("fulltape"))
    assert.includeMembers(
      found.map(({ host }) => host),
      ["timescaledb", "otel-collector"],
    )
    for (const { host, port } of found) assert.include(containerPorts(service(host)), port, host)
    const [simulated = ""] = matches(read("docker-compose.yml"), /ws:\/\/simulator:(\d+)/g)
    assert.include(read("src/cli/simulate.ts"), `Flag.withDefault(${simulated})`)
  })

  it("publishes on loopback only, each port once, and none of what containers need among themselves", () => {
    const published = services.flatMap(([, { ports = [] }]) => ports)
    for (const port of published) assert.match(port, /^127\.0\.0\.1:\$\{(?:[A-Z]+_)?PORT:-\d+\}:\d+$/)
    const defaults = published.map((port) => /:-(\d+)/.exec(port)?.[1] ?? "")
    assert.strictEqual(new Set(defaults).size, defaults.length)
    assert.deepStrictEqual(Object.fromEntries(services.map(([name, { ports = [] }]) => [name, ports.length])), {
      fulltape: 1,
      timescaledb: 1,
      redis: 1,
      simulator: 0,
      "otel-collector": 1,
      jaeger: 1,
      prometheus: 1,
      grafana: 1,
    })
    assert.deepStrictEqual(containerPorts(service("fulltape")), [dockerfile.port])
  })

  it("bounds memory and logs of each, starts it again, and takes from it what it does not need", () => {
    for (const [name, of] of services) {
      assert.match(of.mem_limit, /^\d+[mg]$/, name)
      assert.strictEqual(of.restart, "unless-stopped", name)
      assert.deepStrictEqual(Object.keys(of.logging.options), ["max-size", "max-file"], name)
      assert.deepStrictEqual(of.security_opt, ["no-new-privileges:true"], name)
      // Its image begins as root, to give the volume to the user that it goes on as.
      if (name === "timescaledb") continue
      assert.deepStrictEqual(of.cap_drop, ["ALL"], name)
      assert.isTrue(of.read_only, name)
    }
  })

  it("pins every image to a version", () => {
    for (const [name, { image }] of services) assert.match(image, /^fulltape:local$|:v?\d+\.\d+\.\d+(-\w+)?$/, name)
  })

  it("asks each whether it is healthy with a command of its image, but for the collector, whose image has none", () => {
    const programs: Readonly<Record<string, string>> = {
      fulltape: "node",
      timescaledb: "pg_isready",
      redis: "redis-cli",
      simulator: "node",
      jaeger: "wget",
      prometheus: "promtool",
      grafana: "wget",
    }
    for (const [name, of] of services) {
      const [kind, program] = healthcheckOf(of)
      if (name === "otel-collector") assert.isUndefined(kind)
      else assert.deepStrictEqual([kind, program], ["CMD", programs[name]], name)
    }
    for (const name of ["jaeger", "prometheus", "grafana"]) {
      const [port = ""] = matches(healthcheckOf(service(name)).join(" "), /http:\/\/127\.0\.0\.1:(\d+)/g)
      assert.include(containerPorts(service(name)), port, name)
    }
  })

  it("has every container that the runbook restarts", () => {
    const restarted = matches(read("docs/operations.md"), /docker compose restart ([a-z -]+)/g)
    assert.include(restarted, "prometheus otel-collector")
    for (const name of restarted.flatMap((names) => names.split(" "))) service(name)
  })

  it("waits with nothing for a container that it does not have", () => {
    for (const [, { depends_on = {} }] of services)
      for (const [other, { condition }] of Object.entries(depends_on)) {
        assert.strictEqual(condition, "service_healthy")
        assert.isNotEmpty(healthcheckOf(service(other)))
      }
  })

  it("mounts files that exist, for reading, and volumes that it declares", () => {
    const used = new Set<string>()
    for (const [name, of] of services) {
      for (const { from } of mounts(of)) {
        if (from.startsWith("./")) assert.isTrue(existsSync(pathOf(from)), `${name} ${from}`)
        else used.add(from)
      }
      for (const volume of of.volumes ?? []) if (volume.startsWith("./")) assert.match(volume, /:ro$/)
    }
    assert.sameMembers([...used], Object.keys(compose.volumes))
    assert.deepStrictEqual(mounts(service("fulltape")), [
      { from: "fulltape", to: String(dockerfile.environment["DATA_DIR"]) },
    ])
  })

  it("runs commands that the program has", () => {
    const { command = [] } = service("simulator")
    assert.deepStrictEqual(command.slice(0, 2), ["node", "dist/main.js"])
    assert.include(subcommands, command[2])
    for (const flag of command.filter((word) => word.startsWith("--")))
      assert.include(read("src/cli/simulate.ts"), `("${flag.slice(2)}")`)
  })

  it("has a warning for each password that is the default one", () => {
    const passwords = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => name.endsWith("PASSWORD")),
    )
    assert.isAtLeast(passwords.length, 2)
    const variables = passwords.map(([, value]) => /^\$\{([A-Z]+_PASSWORD):-\w+\}$/.exec(value)?.[1] ?? value)
    assert.sameMembers(
      [...compose["x-warned-of"]],
      variables.map((name) => `\${${name}}`),
    )
  })

  it("gives PostgreSQL the locks that two years of chunks need", () => {
    assert.include(service("timescaledb").command ?? [], "max_locks_per_transaction=256")
    assert.include(read("docs/storage.md"), "`max_locks_per_transaction = 256`")
  })
})
