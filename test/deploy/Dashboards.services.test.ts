import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startPrometheus } from "../fixtures/service/Prometheus.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { systemProgram } from "../fixtures/service/systemProgram.ts"
import { rules } from "./alertRules.ts"
import { dashboards } from "./dashboards.ts"
import { read } from "./files.ts"
import { newDatabase } from "./newDatabase.ts"

const program = systemProgram("TEST_PROMETHEUS", "prometheus")

/** The project's own, but that the service is asked for at `target`, each second, and nothing else is. */
const filesFor = (target: string) => ({
  "prometheus.yml": read("deploy/prometheus/prometheus.yml")
    .replaceAll("_interval: 15s", "_interval: 1s")
    .replace("fulltape:3000", target)
    .replace(/^ {2}- job_name: prometheus\n[\s\S]*/m, ""),
  "alerts.yml": read("deploy/prometheus/alerts.yml"),
})

/** What the panels ask; Redis is not there in this test. */
const expressions = Object.values(dashboards)
  .flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)))
  .filter((expr) => !expr.includes("fulltape_redis_"))

describe.skipIf(program === undefined)("a Prometheus that asks the service", () => {
  it.live(
    "has something to show for every panel, and raises nothing while all is well",
    () =>
      Effect.gen(function* () {
        const [exchange, database] = yield* Effect.all([startExchange("--rate=200"), newDatabase])
        const service = yield* startService({ exchange, database })
        const prometheus = yield* startPrometheus(program ?? "", filesFor(new URL(service.origin).host))
        yield* eventually(
          "every panel has data",
          Effect.filter(expressions, (expr) =>
            Effect.map(prometheus.query(expr.replaceAll("$__rate_interval", "20s")), (series) => series.length === 0),
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
