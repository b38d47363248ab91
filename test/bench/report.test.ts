import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { type Part, parts } from "../../bench/parts.ts"
import { contenderNames } from "../../bench/harness/Contender.ts"
import { settings } from "../../bench/measures/sustained.ts"
import { chartsOf } from "../../bench/report/charts.ts"
import { goalsOf } from "../../bench/report/goals.ts"
import { problemsOf } from "../../bench/report/problems.ts"
import { Report } from "../../bench/report/Report.ts"
import { selfTimes, sharesOf } from "../../bench/report/selfTimes.ts"
import { tablesOf } from "../../bench/report/tables.ts"

const quantiles = { p50: 1, p99: 2, p999: 3 }

/** A run in which Fulltape is exactly as good as everybody else, and nobody lost anything. */
const level: Report = {
  command: "npm run bench -- --seed x",
  quick: false,
  parts: [...parts],
  seed: "x",
  startedAt: "2026-11-25T00:00:00.000Z",
  seconds: 1,
  machine: { cpu: "one", cores: 2, memoryGibibytes: 4, system: "Linux", load: 0, othersCores: 0 },
  versions: { node: "24.21.0" },
  sustained: settings.map((setting) => ({
    ...setting,
    rounds: [90_000, 100_000, 300_000].map((perSecond) => ({
      perSecond,
      cpu: 4,
      trials: [{ rate: perSecond, sustained: true, missing: 0 }],
    })),
  })),
  atRates: [5_000, 20_000, 50_000].flatMap((rate) =>
    contenderNames.map((name) => ({
      name,
      rate,
      committedPerSecond: rate,
      missing: 0,
      latency: quantiles,
      afterClose: quantiles,
      lagAtEnd: 1,
      cpu: { process: 4, database: 8, simulator: 2 },
      peakMebibytes: 100,
      firstStored: 500,
    })),
  ),
  subscribers: contenderNames.map((name) => ({ name, rate: 20_000, missing: 0, arrivals: quantiles })),
  cuts: contenderNames.map((name) => ({ name, cuts: 10, rate: 1_000, missing: 0 })),
  repair: [
    {
      name: "fulltape",
      behind: 600_000,
      perSecond: 50_000,
      missing: 0,
      cpu: { process: 5, database: 9, simulator: 3 },
    },
  ],
  imports: contenderNames.map((name) => ({ name, bare: 40, imported: 60 })),
}

/** A run with nothing of one part. */
const emptied = (part: Part): Partial<Report> => (part === "rates" ? { atRates: [] } : { [part]: [] })

const headingsOf = (tables: string) => [...tables.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)

const missed = (report: Report) => goalsOf(report).flatMap(({ goal, holds }) => (holds ? [] : [goal]))

describe("the report of a bench", () => {
  it("has no problem where every part measured everybody", () => {
    assert.deepStrictEqual(problemsOf(level), [])
  })

  it("names whom a part did not measure, and what Fulltape lost", () => {
    assert.deepStrictEqual(
      problemsOf({
        ...level,
        atRates: level.atRates.flatMap((trial) =>
          trial.name === "ccxt" && trial.rate === 5_000
            ? []
            : { ...trial, latency: { p50: null, p99: null, p999: null } },
        ),
        sustained: level.sustained.slice(1),
        cuts: level.cuts.map((cut) => ({ ...cut, missing: 7 })),
        repair: level.repair.map((repair) => ({ ...repair, missing: 8 })),
      }),
      [
        "5000/s has nothing of ccxt",
        "5000/s has no figures of fulltape",
        "20000/s has no figures of fulltape",
        "50000/s has no figures of fulltape",
        "Fulltape has 7 trades not stored after the cuts",
        "Fulltape has 8 trades not repaired",
        "no sustained rate of floor in batches of 1000 was searched",
      ],
    )
    assert.deepStrictEqual(problemsOf({ ...level, atRates: [], repair: [] }), [
      "no rate was measured",
      "no repair was measured",
    ])
    const [repair] = level.repair
    if (repair === undefined) return assert.fail("there is a repair")
    assert.deepStrictEqual(problemsOf({ ...level, repair: [{ ...repair, perSecond: null }] }), [
      "no repair was measured",
    ])
    const [trial, ...others] = level.atRates.filter(({ name }) => name === "fulltape")
    if (trial === undefined) return assert.fail("there is a trial")
    const unclosed = { ...trial, afterClose: { p50: null, p99: null, p999: null } }
    assert.include(
      problemsOf({ ...level, atRates: [unclosed, ...others] }),
      `${trial.rate}/s has no figures of fulltape`,
    )
  })

  it("asks nothing of the parts that were left out, and shows nothing of them", () => {
    for (const part of parts) {
      const without = { ...level, ...emptied(part) }
      assert.isNotEmpty(problemsOf({ ...without, parts: [part] }))
      assert.deepStrictEqual(problemsOf({ ...without, parts: parts.filter((other) => other !== part) }), [])
    }
    const repairAlone = tablesOf({ ...level, parts: ["repair"] })
    assert.deepStrictEqual(headingsOf(repairAlone), ["Repair from a simulator without limits", "Goals"])
    assert.strictEqual(repairAlone.match(/\| holds \|/g)?.length, 1)
    assert.deepStrictEqual(headingsOf(tablesOf({ ...level, parts: ["imports"] })), [
      "Subscribers, start, imports, cuts",
    ])
    assert.notInclude(tablesOf({ ...level, parts: ["imports"] }), "missing after")
    assert.deepStrictEqual(Object.keys(chartsOf({ ...level, parts: ["sustained"] })), ["sustained.svg"])
    assert.deepStrictEqual(chartsOf({ ...level, parts: ["repair"] }), {})
  })

  it.effect("refuses a figure that was not measured", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Report))
      assert.deepStrictEqual(yield* decode(JSON.stringify(level)), level)
      const [first] = level.atRates
      const without = { ...level, atRates: [{ ...first, firstStored: Number.NaN }] }
      assert.isTrue(Exit.isFailure(yield* Effect.exit(decode(JSON.stringify(without)))))
    }),
  )

  it("compares medians, each goal with its own limit", () => {
    assert.deepStrictEqual(missed(level), [
      "sustained, batches up to 100, against the floor",
      "CPU of the process a trade at the highest sustained rate, against the best peer",
      "CPU of the process a trade at 20,000/s, against the best peer",
      "CPU of the process a trade at 50,000/s, against the best peer",
    ])
    const slower = level.sustained.map(({ name, rounds, ...setting }) => ({
      ...setting,
      name,
      rounds: rounds.map((round) => ({ ...round, perSecond: name === "fulltape" ? 99_000 : round.perSecond })),
    }))
    assert.include(missed({ ...level, sustained: slower }), "sustained, batches up to 1,000, against the floor")
    const never = slower.map((setting) => ({ ...setting, rounds: [{ perSecond: null, cpu: null, trials: [] }] }))
    assert.include(missed({ ...level, sustained: never }), "sustained, batches up to 1,000, against the floor")
    const dearer = level.sustained.map(({ name, rounds, ...setting }) => ({
      ...setting,
      name,
      rounds: rounds.map((round) => ({ ...round, cpu: name === "fulltape" ? 4.5 : round.cpu })),
    }))
    const floor = "CPU of the process a trade at the highest sustained rate, against the floor"
    assert.include(missed({ ...level, sustained: dearer }), floor)
  })

  it("asks for 50,000 repaired trades a second, and 25 ms from the close of a batch to its commit", () => {
    const repairing = (perSecond: number | null) =>
      missed({ ...level, repair: level.repair.map((repair) => ({ ...repair, perSecond })) })
    const goal = "repair from a simulator without limits"
    assert.notInclude(repairing(50_000), goal)
    assert.include(repairing(49_999), goal)
    assert.include(repairing(null), goal)
    const closing = (p99: number | null) =>
      missed({
        ...level,
        atRates: level.atRates.map((trial) => ({
          ...trial,
          afterClose: { ...quantiles, p99: trial.name === "fulltape" && trial.rate === 5_000 ? p99 : 100 },
        })),
      })
    const close = "from the batch's close to its commit at 5,000/s, p99"
    assert.notInclude(closing(25), close)
    assert.include(closing(25.1), close)
    assert.include(closing(null), close)
  })

  it("is written as tables and charts that name everybody", () => {
    const tables = tablesOf(level)
    assert.include(tables, "| fulltape | 100,000 | 1.00 | 4.0 | 100,000 | 1.00 | 4.0 |")
    assert.include(tables, "| 20,000 | ccxt | 1.0 | 2.0 | 3.0 | 2.0 | 0 | 4.0 | 8.0 | 2.0 | 100 |")
    assert.include(tables, "| fulltape | 600,000 | 50,000 | 0 | 5.0 | 9.0 | 3.0 |")
    assert.include(tables, "### Goals")
    assert.notInclude(tablesOf({ ...level, quick: true }), "### Goals")
    const charts = chartsOf(level)
    assert.sameMembers(Object.keys(charts), ["sustained.svg", "latency.svg", "cpu.svg", "memory.svg"])
    for (const svg of Object.values(charts)) for (const name of contenderNames) assert.include(svg, `>${name}<`)
  })
})

describe("a CPU profile", () => {
  it("gives the shares of functions in the time that was not idle, the largest first", () => {
    const frame = (id: number, functionName: string, url: string) => ({
      id,
      callFrame: { functionName, url, lineNumber: 6 },
    })
    const nodes = [
      frame(1, "(idle)", ""),
      frame(2, "readTrade", "file:///srv/fulltape/dist/feed/Message.js"),
      frame(3, "", "file:///srv/fulltape/node_modules/effect/dist/Stream.js"),
      frame(4, "readTrade", "file:///srv/fulltape/dist/feed/Message.js"),
    ]
    const profile = { nodes, samples: [1, 2, 3, 4], timeDeltas: [600, 200, 100, 100] }
    assert.deepStrictEqual(selfTimes(JSON.stringify(profile)), [
      { name: "readTrade", where: "dist/feed/Message.js:7", share: 0.75 },
      { name: "(anonymous)", where: "effect/dist/Stream.js:7", share: 0.25 },
    ])
  })

  it("adds them up by package, folder of ours, Node and V8", () => {
    const at = (name: string, where: string) => ({ name, where, share: 0.125 })
    assert.deepStrictEqual(
      sharesOf([
        at("read", "dist/feed/binance/TradeFrameReader.js:7"),
        at("read", "dist/feed/reconnect.js:7"),
        at("main", "dist/main.js:1"),
        at("runLoop", "effect/dist/internal/effect.js:7"),
        at("onData", "@effect/sql-pg/dist/PgConnection.js:7"),
        at("emit", "node:events:7"),
        at("(garbage collector)", ""),
        at("writeBuffer", ""),
      ]),
      [
        ["dist/feed", 0.25],
        ["dist/main.js", 0.125],
        ["effect", 0.125],
        ["@effect/sql-pg", 0.125],
        ["Node", 0.125],
        ["(garbage collector)", 0.125],
        ["built into Node and V8", 0.125],
      ],
    )
  })
})
