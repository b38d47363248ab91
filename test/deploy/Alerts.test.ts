import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parse } from "yaml"
import { checks, rules } from "./alertRules.ts"
import { service } from "./composeFile.ts"
import { matches, read } from "./files.ts"
import { asked, defined } from "./metricNames.ts"

const names = rules.map(({ alert }) => alert)
const runbook = read("docs/operations.md")
const [chapter = ""] = matches(runbook, /^## Alerts\n([\s\S]*?)(?=^## )/gm)

describe("alerts.yml", () => {
  it("asks for metrics that the service has", () => {
    for (const { alert, expr } of rules)
      assert.deepStrictEqual(
        asked(expr).filter((name) => !defined.has(name)),
        [],
        alert,
      )
  })

  it("gives each a severity, a sentence, and the heading of the runbook", () => {
    assert.strictEqual(new Set(names).size, names.length)
    for (const { alert, annotations, labels } of rules) {
      assert.match(labels["severity"] ?? "", /^(warning|critical)$/, alert)
      assert.match(annotations["summary"] ?? "", /\.$/, alert)
      assert.strictEqual(annotations["runbook"], `docs/operations.md#${alert.toLowerCase()}`)
    }
  })

  it("is raised for memory before Node's heap is full, which gets half of what the container may have", () => {
    const { expr } = rules.find(({ alert }) => alert === "MemoryHigh") ?? assert.fail("there is no MemoryHigh")
    const [, threshold = ""] = /fulltape_resident_memory_bytes > (\S+)/.exec(expr) ?? []
    const [, gigabytes = ""] = /^(\d+)g$/.exec(service("fulltape").mem_limit) ?? []
    assert.isBelow(Number(threshold), (Number(gigabytes) * 1024 ** 3) / 2)
  })

  it("is shown to raise each alert, and not to raise it", () => {
    for (const alert of names) {
      const of = checks.filter((check) => check.alert === alert)
      assert.isTrue(
        of.some(({ raised }) => raised > 0),
        `${alert} is raised nowhere`,
      )
      assert.isTrue(
        of.some(({ raised }) => raised === 0),
        `${alert} is raised everywhere`,
      )
    }
    assert.deepStrictEqual(
      checks.filter(({ alert }) => !names.includes(alert)),
      [],
    )
  })
})

describe("docs/operations.md", () => {
  it("has a heading for each alert, in their order, and no other", () => {
    assert.deepStrictEqual(matches(chapter, /^### (\w+)$/gm), names)
  })

  it("shows how a symbol gets a threshold of its own, in the rule as it is", () => {
    const [example = ""] = matches(runbook, /```yaml\n([\s\S]*?)```/g)
    const parsed: unknown = parse(example)
    const [shown] = Schema.decodeUnknownSync(
      Schema.Array(Schema.Struct({ alert: Schema.String, expr: Schema.String })),
    )(parsed)
    const rule = rules.find(({ alert }) => alert === shown?.alert)
    const [others, own] = (shown?.expr ?? "").split(/ or (?=time)/)
    const everySymbol = (expr: string) => expr.replace(/\{symbol!?="\w+"\}/, "")
    assert.notStrictEqual(others, rule?.expr)
    assert.strictEqual(everySymbol(others ?? ""), rule?.expr)
    assert.strictEqual(everySymbol(own ?? "").replace(" 6 * 3600 ", " 3600 "), rule?.expr)
  })

  it("says of each what it means, what to look at, and what to do", () => {
    const sections = chapter.split(/^### /m).slice(1)
    for (const section of sections)
      for (const words of ["**Means.**", "**Look.**", "**Do.**"]) assert.include(section, words, section.split("\n")[0])
  })
})
