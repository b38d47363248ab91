import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { rules } from "./alertRules.ts"
import { dashboards } from "./dashboards.ts"
import { findProgram, isSkipped, pathTo } from "./findProgram.ts"
import { newDatabase } from "./newDatabase.ts"
import { startPrometheus } from "./prometheusProcess.ts"

const found = findProgram({ name: "prometheus", variable: "TEST_PROMETHEUS" })

/** What the panels ask; Redis is not there in this test. */
const expressions = Object.values(dashboards)
  .flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)))
  .filter((expr) => !expr.includes("fulltape_redis_"))

describe.skipIf(isSkipped("the dashboards", found))("a Prometheus that asks the service", () => {
  it.live(
    "has something to show for every panel, and raises nothing while all is well",
    () =>
      Effect.gen(function* () {
        const [exchange, database] = yield* Effect.all([startExchange("--rate=200"), newDatabase])
        const service = yield* startService({ exchange, database })
        const prometheus = yield* startPrometheus(pathTo(found), service.origin.replace("http://", ""))
        yield* eventually(
          "every panel has data",
          Effect.filter(expressions, (expr) =>
            Effect.map(prometheus.series(expr.replaceAll("$__rate_interval", "20s")), (series) => series === 0),
          ),
          (empty) => empty.length === 0,
          "90 seconds",
        )
        const judged = yield* prometheus.rules
        assert.sameMembers(
          judged.map(({ name }) => name),
          rules.map(({ alert }) => alert),
        )
        assert.deepStrictEqual(
          judged.filter(({ health, state }) => health !== "ok" || state === "firing"),
          [],
        )
      }),
    180_000,
  )
})
