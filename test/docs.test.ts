import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { OpenApi } from "effect/http-api"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { posix } from "node:path"
import { fileURLToPath } from "node:url"
import { Api } from "../src/api/Api.ts"
import { paths } from "../src/api/Directory.ts"
import * as Gauges from "../src/telemetry/Gauges.ts"
import * as Metrics from "../src/telemetry/Metrics.ts"
import * as RedisMetrics from "../src/telemetry/RedisMetrics.ts"
import { documented } from "./telemetry/documentedMetrics.ts"
import { variables } from "../src/settings/variables.ts"

const pathOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const read = (path: string): string => readFileSync(pathOf(path), "utf8")

const readme = read("README.md")
const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/guarantees.md",
  "docs/storage.md",
  "docs/candles.md",
  "docs/metrics.md",
  "docs/redis.md",
  "docs/operations.md",
  "docs/traces-and-logs.md",
  "docs/performance.md",
]

const manifest: {
  readonly scripts: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
} = JSON.parse(read("package.json"))

const composeFile = read("docker-compose.yml")

const known: ReadonlySet<string> = new Set(Object.values(variables).map(({ name }) => name))

/** The rows of the table below a heading, as trimmed cells, without its head. */
const table = (heading: string, head: string): ReadonlyArray<ReadonlyArray<string>> => {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ""
  const lines = section.split("\n")
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`))
  assert.isAtLeast(start, 0, `README has no table "${head}" below "${heading}"`)
  const rows = lines.slice(start + 2)
  const end = rows.findIndex((line) => !line.startsWith("|"))
  return rows.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  )
}

const firstCells = (heading: string, head: string): ReadonlyArray<string> =>
  table(heading, head).map(([cell = ""]) => cell.replaceAll("`", ""))

/** Metrics of what a module exports: one, one for each value of a label, or a function of that value. */
const metricsOf = (exported: unknown): ReadonlyArray<Metric.Metric<never, unknown>> => {
  if (Metric.isMetric(exported)) return [exported]
  if (typeof exported === "function") return metricsOf(exported("for the test"))
  return typeof exported === "object" && exported !== null ? Object.values(exported).flatMap(metricsOf) : []
}

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> => [
  ...new Set([...text.matchAll(pattern)].map(([, found = ""]) => found)),
]

describe("README", () => {
  it("opens with what it is and the two commands that set everything up", () => {
    const [title, sentence, demo, test] = readme.split("\n\n")
    assert.strictEqual(title, "# Fulltape")
    assert.strictEqual(sentence?.match(/\./g)?.length, 1)
    assert.strictEqual(demo, "```sh\nnpm install && npm run demo\n```")
    assert.strictEqual(test, "```sh\nnpm install && npm test\n```")
  })

  it("lists every setting, with its default and meaning", () => {
    assert.deepStrictEqual(
      table("Settings", "variable | default"),
      Object.values(variables).map((variable) => [
        `\`${variable.name}\``,
        variable.default === "" ? "none" : `\`${variable.default}\``,
        variable.meaning,
      ]),
    )
  })

  it("lists every command of the program", () => {
    const [listed = ""] = matches(read("src/cli/fulltape.ts"), /withSubcommands\(\[([^\]]*)\]/g)
    assert.sameMembers(
      [...firstCells("Commands", "`node dist/main.js …`")],
      listed.split(",").flatMap((name) => name.trim() || []),
    )
  })

  it("shows every flag that verify has, and no other", () => {
    const commands = matches(readme, /`[^`\n]*\bverify\b([^`\n]*)`/g)
    const shown = commands.flatMap((command) => matches(command, /--([\w-]+)/g))
    const flags = matches(read("src/cli/verify.ts"), /Flag\.[A-Z]\w*\("([\w-]+)"/g)
    assert.includeMembers([...flags], ["demo", "strict", "against"])
    assert.sameMembers([...new Set(shown)], [...flags])
  })

  it("lists every npm script", () => {
    const scripts = Object.keys(manifest.scripts)
    assert.sameMembers(
      [...firstCells("Commands", "npm script")],
      scripts
        .filter((name) => !scripts.some((other) => name === `pre${other}`))
        .map((name) => (["start", "test"].includes(name) ? `npm ${name}` : `npm run ${name}`)),
    )
  })

  it("lists every path that HTTP answers", () => {
    const answered = [...Object.keys(OpenApi.fromApi(Api).paths), ...Object.values(paths), "/"]
    assert.sameMembers([...firstCells("Endpoints", "`GET`")], answered)
  })

  it("shows the metrics that exist", () => {
    const metrics = read("src/telemetry/Metrics.ts") + read("src/telemetry/Gauges.ts")
    for (const name of matches(readme, /\b(fulltape_[a-z_]+) /g)) assert.include(metrics, `"${name}"`)
  })
})

describe.each(documents)("%s", (document) => {
  const text = read(document)

  it("runs npm scripts that exist", () => {
    const scripts = matches(text.replaceAll(/\s+/g, " "), /npm run (?:--silent )?([\w:-]+)/g)
    assert.deepStrictEqual(
      scripts.filter((name) => manifest.scripts[name] === undefined),
      [],
    )
  })

  it("names files and variables that exist", () => {
    const links = matches(text, /\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g).map((link) =>
      posix.join(posix.dirname(document), link),
    )
    const named = matches(
      text,
      /`((?:\.ci|\.github|docs|src|test|scripts|migrations)\/[\w./-]*|[\w-]+\.(?:md|ya?ml))`/g,
    )
    assert.deepStrictEqual(
      [...links, ...named].filter((path) => !existsSync(pathOf(path))),
      [],
    )
    const inFolder = [
      ...text.matchAll(/^\| \w[^|]*\| \[(src\/\w+)\][^\n]*/gm),
      ...text.matchAll(/^\| \[(src\/\w+)\].*/gm),
    ]
    const doors = inFolder.flatMap(([row, folder = ""]) =>
      matches(row, /`(\w+\.ts)`/g).map((file) => `${folder}/${file}`),
    )
    assert.deepStrictEqual(
      doors.filter((path) => !existsSync(pathOf(path))),
      [],
    )
    const set = matches(text, /\b([A-Z][A-Z_]+[A-Z])=/g)
    const ofCompose = matches(composeFile, /\$\{([A-Z_]+)/g)
    assert.deepStrictEqual(
      set.filter((name) => !known.has(name) && !ofCompose.includes(name) && name !== "PGPASSWORD"),
      [],
    )
  })
})

describe("docs/metrics.md", () => {
  const defined = [Metrics, Gauges, RedisMetrics].flatMap((module) => Object.values(module)).flatMap(metricsOf)

  it.effect("has every metric that there is, once, with its labels and type", () =>
    Effect.gen(function* () {
      for (const metric of defined) yield* Metric.value(metric)
      const there = (yield* Metric.snapshot).map(
        ({ attributes = {}, id, type }) => `${id} ${type.toLowerCase()} ${Object.keys(attributes).join()}`,
      )
      const shown = documented.map(({ labels, name, type }) => `${name} ${type} ${labels.join()}`)
      assert.deepStrictEqual(shown.toSorted(), [...new Set(there)].toSorted())
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )

  it("gives the unit that the name has, and a question", () => {
    for (const { name, question, type, unit } of documented) {
      if (/_seconds$|_bytes$/.test(name)) assert.include(unit, name.endsWith("bytes") ? "bytes" : "seconds", name)
      else assert.notMatch(unit, /second|byte/, name)
      assert.strictEqual(name.endsWith("_total"), type === "counter", name)
      assert.match(question, /\?( |$)/, name)
    }
  })
})

describe("docs/guarantees.md", () => {
  const text = read("docs/guarantees.md")
  const migrations = readdirSync(pathOf("migrations"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".sql"))
    .map((file) => read(`migrations/${file}`))
    .join("\n")

  it("has three queries, of tables, columns and states that exist", () => {
    const queries = matches(text, /```sql\n([^`]*)```/g)
    assert.strictEqual(queries.length, 3)
    for (const query of queries) {
      const own = matches(query, /\b(\w+) AS \(/g)
      const tables = matches(query, /\bFROM (\w+)/g).filter((table) => !own.includes(table))
      assert.isNotEmpty(tables)
      for (const table of tables) assert.include(migrations, `CREATE TABLE ${table} (`)
      for (const column of matches(query, /\b(\w+_(?:id|error)|state|cause|attempts)\b/g))
        assert.match(migrations, new RegExp(`^  ${column} +[A-Z]`, "m"))
      for (const state of matches(query, /'(open|filling|\w*fill\w*)'/g)) assert.include(migrations, `'${state}'`)
    }
  })

  it("names the reasons that the program gives", () => {
    const sources = [
      "ingest/repairPage.ts",
      "feed/RestError.ts",
      "feed/binance/BinanceHistory.ts",
      "store/Quarantine.ts",
      "store/layout/retention.ts",
    ]
      .map((file) => read(`src/${file}`))
      .concat(read("migrations/functions/commit_trades.sql"))
      .join("\n")
    const rows = matches(text, /^\| (`.*`) \| (?:open|unfillable):/gm)
    assert.isAtLeast(rows.length, 5)
    for (const reason of rows.flatMap((cell) => matches(cell, /`([^`]*)`/g)))
      for (const words of reason.split("…")) assert.include(sources, words.trim())
  })
})

describe("CI", () => {
  it("runs what a person can run", () => {
    assert.isTrue((statSync(pathOf(".ci/run")).mode & 0o111) === 0o111, ".ci/run is executable")
    assert.include(read(".github/workflows/ci.yml"), "- run: .ci/run\n")
    for (const command of ["npm ci", "npm test", "npm run test:services"]) {
      assert.match(read(".ci/run"), new RegExp(`^${command}$`, "m"))
    }
    for (const action of matches(read(".github/workflows/ci.yml"), /uses: (\S+)/g)) assert.match(action, /@v\d+$/)
    assert.include(readdirSync(pathOf("scripts")), manifest.scripts["test:services"]?.replace("node scripts/", ""))
  })
})
