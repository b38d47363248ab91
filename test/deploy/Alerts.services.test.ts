import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { systemProgram } from "../fixtures/service/systemProgram.ts"
import { rules, tests } from "./alertRules.ts"
import { dashboards, targetsOf } from "./dashboards.ts"
import { matches, pathOf, read } from "./files.ts"

const program = systemProgram("TEST_PROMTOOL", "promtool")
const folder = pathOf("deploy/prometheus")

const promtool = (cwd: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(program ?? "", args, { cwd, encoding: "utf8" })
  return { status, said: `${stdout}${stderr}` }
}

/** In a folder with these files, which is removed. */
const inFolder = <A>(files: Readonly<Record<string, string>>, use: (folder: string) => A): A => {
  const made = mkdtempSync(join(tmpdir(), "fulltape-rules-"))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text)
    return use(made)
  } finally {
    rmSync(made, { recursive: true })
  }
}

/** The expression with its first comparison turned around. */
const turned = (expr: string): string =>
  expr.replace(/ (>=|>|<|==) /, (_, sign: string) => (sign.startsWith(">") ? " <= " : sign === "<" ? " >= " : " != "))

/** What alerts.test.yml has of an alert alone. */
const testsOf = (alert: string) =>
  tests.flatMap((test) => {
    const alert_rule_test = test.alert_rule_test.filter(({ alertname }) => alertname === alert)
    return alert_rule_test.length === 0 ? [] : [{ ...test, alert_rule_test }]
  })

describe.skipIf(program === undefined)("promtool", () => {
  it("accepts the configuration, with its rules", () => {
    const { said, status } = promtool(folder, "check", "config", "prometheus.yml")
    assert.strictEqual(status, 0, said)
    assert.include(said, `${rules.length} rules found`)
    const lint = promtool(folder, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
    assert.strictEqual(lint.status, 0, lint.said)
  })

  it("sees every alert raised when alerts.test.yml says so, and not raised otherwise", () => {
    const { said, status } = promtool(folder, "test", "rules", "alerts.test.yml")
    assert.strictEqual(status, 0, said)
  })

  it("sees every alert that is turned around", () => {
    for (const rule of rules) {
      const expr = turned(rule.expr)
      assert.notStrictEqual(expr, rule.expr, rule.alert)
      const files = {
        "alerts.yml": stringify({ groups: [{ name: "turned", rules: [{ ...rule, expr }] }] }),
        "alerts.test.yml": stringify({
          rule_files: ["alerts.yml"],
          evaluation_interval: "1m",
          tests: testsOf(rule.alert),
        }),
      }
      const { status } = inFolder(files, (made) => promtool(made, "test", "rules", "alerts.test.yml"))
      assert.notStrictEqual(status, 0, `${rule.alert}, turned around, is seen by no test`)
    }
  })

  it("accepts the rule that docs/operations.md shows", () => {
    const [example = ""] = matches(read("docs/operations.md"), /```yaml\n([\s\S]*?)```/g)
    const shown: unknown = parse(example)
    const { said, status } = inFolder(
      { "rules.yml": stringify({ groups: [{ name: "shown", rules: shown }] }) },
      (made) => promtool(made, "check", "rules", "rules.yml"),
    )
    assert.strictEqual(status, 0, said)
  })

  it("accepts every expression of the dashboards", () => {
    const expressions = Object.values(dashboards).flatMap((dashboard) => targetsOf(dashboard).map(({ expr }) => expr))
    const recorded = expressions.map((expr, index) => ({
      record: `dashboards:expression_${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }))
    assert.isAtLeast(recorded.length, 50)
    const { said, status } = inFolder(
      { "rules.yml": stringify({ groups: [{ name: "dashboards", rules: recorded }] }) },
      (made) => promtool(made, "check", "rules", "rules.yml"),
    )
    assert.strictEqual(status, 0, said)
    assert.include(said, `${recorded.length} rules found`)
  })
})
