import { assert, describe, it } from "@effect/vitest"
import { type Dashboard, dashboards, targetsOf } from "./dashboards.ts"
import { asked, defined } from "./metricNames.ts"

const overlapping = ({ panels }: Dashboard): ReadonlyArray<string> =>
  panels.flatMap(({ gridPos: a, id, title }) =>
    panels.flatMap(({ gridPos: b, id: other, title: its }) =>
      id < other && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
        ? [`${title} lies on ${its}`]
        : [],
    ),
  )

describe.each(Object.entries(dashboards))("the dashboard %s", (name, dashboard) => {
  it("is found under a name that stays", () => {
    assert.strictEqual(dashboard.uid, `fulltape-${name}`)
    assert.match(dashboard.title, /^Is it \w+\?$/)
  })

  it("asks the Prometheus that is provisioned, for metrics that the service has", () => {
    const targets = targetsOf(dashboard)
    assert.isAtLeast(targets.length, 20)
    for (const { datasource, expr } of targets) {
      assert.strictEqual(datasource.uid, "prometheus")
      assert.deepStrictEqual(
        asked(expr).filter((metric) => !defined.has(metric)),
        [],
        expr,
      )
      assert.isTrue(asked(expr).length > 0 || expr.includes("ALERTS"), expr)
    }
  })

  it("counts what the instances of a job tell of one ledger once", () => {
    const ledger = /fulltape_(?:missing_ids|open_gaps|unfillable_ids|filling_gaps|frontier_lag_\w+)/
    for (const { expr } of targetsOf(dashboard).filter(({ expr }) => ledger.test(expr)))
      assert.match(expr, /^sum\(max by \(job\) \(\w+\)\)$|^max by \(symbol\) \(\w+\)$/)
  })

  it("says of each panel what it shows, and shows them side by side", () => {
    const panels = dashboard.panels.filter(({ type }) => type !== "row")
    for (const { description, targets, title } of panels) {
      assert.match(description ?? "", /\.$/, title)
      assert.isNotEmpty(targets, title)
    }
    assert.deepStrictEqual(overlapping(dashboard), [])
    for (const { gridPos, title } of panels) assert.isAtMost(gridPos.x + gridPos.w, 24, title)
    assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  })
})
