import { assert, describe, it } from "@effect/vitest"
import { checks, rules } from "./alertRules.ts"
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

  it("says of each what it means, what to look at, and what to do", () => {
    const sections = chapter.split(/^### /m).slice(1)
    for (const section of sections)
      for (const words of ["**Means.**", "**Look.**", "**Do.**"]) assert.include(section, words, section.split("\n")[0])
  })
})
