import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { accounted } from "./accounted.ts"
import { memoryOf, windowsOf } from "./Memory.ts"
import { plotOf } from "./panels.ts"
import { bytesFor, lackOfRoom } from "./room.ts"
import { csvHead, csvRow, type Sample } from "./Sample.ts"
import { ticksTo } from "./scale.ts"
import { rateOf } from "./Sent.ts"
import { type Evidence, judge, linesOf } from "./Verdict.ts"

const MIB = 1024 ** 2

const sample = (seconds: number, changes: Partial<Sample> = {}): Sample => ({
  seconds,
  rssBytes: 200 * MIB,
  heapBytes: 60 * MIB,
  cpuPercent: 25,
  storedTrades: seconds * 5_000,
  oldestUncommittedSeconds: 0.2,
  eventLoopDelaySeconds: 0.012,
  databaseBytes: seconds * 5_000 * 170,
  ...changes,
})

/** An hour of them, with the RSS of each minute. */
const hour = (rss: (minute: number) => number): ReadonlyArray<Sample> =>
  Array.from({ length: 361 }, (_, index) => sample(index * 10, { rssBytes: rss(index / 6) * MIB }))

const evidence = (changes: Partial<Evidence> = {}): Evidence => ({
  minutes: 60,
  rate: 5_000,
  measured: 5_000,
  accounted: { sent: 18_000_200, missing: 0, late: 0, duplicates: 0, rows: 18_000_100 },
  memory: memoryOf(
    hour(() => 200),
    60,
  ),
  peakBytes: 210 * MIB,
  verified: { code: 0, said: "Every trade is stored." },
  ended: 0,
  ...changes,
})

describe("the memory of a run", () => {
  it("is that of minutes 10 to 30 and of the last 30", () => {
    const { earlyBytes, lateBytes, ratio } = memoryOf(
      hour((minute) => (minute < 10 ? 900 : minute === 20 ? 210 : minute < 30 ? 200 : minute === 60 ? 231 : 205)),
      60,
    )
    assert.deepStrictEqual([earlyBytes, lateBytes], [210 * MIB, 231 * MIB])
    assert.closeTo(ratio, 1.1, 1e-9)
    assert.deepStrictEqual(windowsOf(120), { early: { from: 10, to: 30 }, late: { from: 90, to: 120 } })
  })

  it("leaves the first third of a shorter run out", () => {
    assert.deepStrictEqual(windowsOf(3), { early: { from: 1, to: 2 }, late: { from: 2, to: 3 } })
  })

  it("is not known where no sample tells it", () => {
    assert.isNaN(
      memoryOf(
        hour((minute) => (minute > 25 ? Number.NaN : 200)),
        60,
      ).ratio,
    )
  })
})

describe("what was sent against what is stored", () => {
  const of = (firstId: number, lastId: number) => ({ firstId, lastId, count: lastId - firstId + 1 })
  const rowsOf = (row: Readonly<Record<string, number>>) => () => Effect.succeed([row])

  it.effect("asks for every id up to the last that is stored, and for those that were due", () =>
    Effect.gen(function* () {
      const sent = { BTCUSDT: of(11, 200) }
      const due = { BTCUSDT: of(11, 150) }
      const stored = rowsOf({ rows: 150, ids: 150, high: 160, wanted: 150 })
      const right = { sent: 190, missing: 0, late: 0, duplicates: 0, rows: 150 }
      assert.deepStrictEqual(yield* accounted(stored, sent, due), right)
      const wrong = rowsOf({ rows: 131, ids: 129, high: 140, wanted: 129 })
      const found = { sent: 190, missing: 1, late: 10, duplicates: 2, rows: 131 }
      assert.deepStrictEqual(yield* accounted(wrong, sent, due), found)
      const nothing = rowsOf({ rows: 0, ids: 0, high: 10, wanted: 0 })
      assert.deepInclude(yield* accounted(nothing, sent, due), { missing: 0, late: 140 })
    }),
  )

  it("is as many a second as the clock says, whatever was asked for", () => {
    const at = (millis: number, count: number) => ({ at: millis, count, bySymbol: {} })
    assert.strictEqual(rateOf(at(1_000, 50), at(63_000, 31_050)), 500)
  })
})

describe("the verdict", () => {
  it("finds nothing wrong with a run that shows what it is to show", () =>
    assert.deepStrictEqual(judge(evidence()), []))

  const wrong: ReadonlyArray<readonly [Partial<Evidence>, RegExp]> = [
    [{ accounted: { ...evidence().accounted, missing: 1 } }, /^1 ids are missing$/],
    [{ accounted: { ...evidence().accounted, duplicates: 2 } }, /^2 rows are there twice$/],
    [{ accounted: { ...evidence().accounted, late: 3 } }, /^3 trades that were sent a second before SIGTERM are not/],
    [{ measured: 2_500 }, /^only 2500 trades a second/],
    [{ verified: { code: 1, said: "1 trades are missing." } }, /^verify exits 1: 1 trades/],
    [{ ended: "SIGKILL" }, /ended with SIGKILL/],
    [{ memory: memoryOf(hour((minute) => (minute > 30 ? 221 : 200)), 60) }, /not flat: the ratio is 1.10|1.11/],
    [{ memory: { ...evidence().memory, ratio: Number.NaN } }, /not flat: the ratio is NaN/],
    [{ memory: memoryOf(hour(() => 200).filter(({ seconds }) => seconds < 3_000 || seconds > 3_200), 60) }, /^only 8\d\.\d% of the samples/],
  ] // prettier-ignore
  for (const [changes, sentence] of wrong) {
    it(`finds ${sentence}`, () => {
      const problems = judge(evidence(changes))
      assert.lengthOf(problems, 1)
      assert.match(problems[0] ?? "", sentence)
    })
  }

  it("does not judge the memory of a short run, and says so", () => {
    const rising = memoryOf(
      hour((minute) => 100 + minute).filter(({ seconds }) => seconds <= 180),
      3,
    )
    const short = evidence({
      minutes: 3,
      memory: { ...rising, ratio: 2, coverage: 0.5 },
    })
    assert.deepStrictEqual(judge(short), [])
    assert.include(linesOf(short).at(-1) ?? "", "not judged")
  })

  it("judges the memory of half an hour, by its last two thirds", () => {
    const half = (rss: (minute: number) => number) =>
      evidence({
        minutes: 30,
        memory: memoryOf(
          hour(rss).filter(({ seconds }) => seconds <= 1_800),
          30,
        ),
      })
    assert.deepStrictEqual(judge(half((minute) => (minute < 9 ? 150 : 200))), [])
    assert.match(judge(half((minute) => (minute < 21 ? 200 : 225))).join(), /^memory is not flat: the ratio is 1\.1/)
  })

  it("is told in plain lines", () => {
    assert.deepStrictEqual(linesOf(evidence()), [
      "missing ids: 0",
      "duplicates: 0",
      "trades stored: 18000100 (18000200 sent, 5000 a second)",
      "trades sent a second before SIGTERM and not stored: 0",
      "verify: Every trade is stored.",
      "maximum RSS of minutes 10 to 30: 200.0 MiB",
      "maximum RSS of minutes 30 to 60: 200.0 MiB",
      "peak RSS: 210.0 MiB",
      "samples: 100.0%",
      "ratio: 1.000",
    ])
  })
})

describe("what a run leaves", () => {
  it("is a table with an empty cell for what could not be told", () => {
    const cells = csvRow(sample(10, { heapBytes: Number.NaN })).split(",")
    assert.lengthOf(cells, csvHead.split(",").length)
    assert.deepStrictEqual(cells.slice(0, 4), ["10.0", "209715200", "", "25.0"])
  })

  it("is a plot with axes, units and the two windows", () => {
    const samples = hour((minute) => (minute === 20 ? 240 : minute === 50 ? 250 : 200))
    const svg = plotOf(samples, 60, "5,000 trades a second & <more>")
    for (const text of [
      "Memory, MiB",
      "CPU, % of one core",
      "Trades stored, a second",
      "Event-loop delay, ms",
      "minutes since the start",
      "at most 240",
      "at most 250",
      "5,000 trades a second &amp; &lt;more>",
    ])
      assert.include(svg, text)
    assert.notMatch(svg, /NaN|Infinity|undefined/)
    assert.notInclude(svg, "not measured")
  })

  it("breaks a line where nothing was measured, and says where nothing ever was", () => {
    const samples = hour((minute) => (minute > 10 && minute < 20 ? Number.NaN : 200))
    const svg = plotOf(samples.map((each) => ({ ...each, eventLoopDelaySeconds: Number.NaN })), 60, "") // prettier-ignore
    assert.notMatch(svg, /NaN|Infinity|undefined/)
    assert.strictEqual(svg.match(/not measured/g)?.length, 1)
    assert.isTrue(svg.split("\n").some((line) => (line.match(/d="M[^"]*M/g) ?? []).length > 0))
  })

  it("reads at round numbers", () => {
    assert.deepStrictEqual(ticksTo(60, 12), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60])
    assert.deepStrictEqual(ticksTo(230, 4), [0, 100, 200, 300])
    assert.deepStrictEqual(ticksTo(0.034, 4), [0, 0.01, 0.02, 0.03, 0.04])
    assert.deepStrictEqual(ticksTo(0, 4), [0, 0.5, 1])
  })
})

describe("the disk", () => {
  it("has to hold the trades and what the server needs beside them", () => {
    assert.isUndefined(lackOfRoom(1))
    assert.match(
      lackOfRoom(1e12) ?? "",
      /^1,000,000,000,000 trades take about .* GiB, and .* has .* GiB left: make room/,
    )
    assert.isAbove(bytesFor(18_000_000), 18_000_000 * 170)
  })
})
