import { assert, describe, it } from "@effect/vitest"
import { readFaults } from "../../src/simulator/faults/readFaults.ts"
import { isAway } from "./databaseFaults.ts"
import { allKinds, kinds, kindsNamed, needsOwnServer } from "./Kind.ts"
import { leavesGap, makeSchedule, MOST_AWAY, type Schedule } from "./Schedule.ts"

const schedules = Array.from({ length: 100 }, (_, index) => makeSchedule(index + 1))

const millis = (schedule: Schedule, counts: (fault: Schedule["faults"][number]) => boolean): number =>
  schedule.faults.filter(counts).reduce((sum, { lasts }) => sum + lasts, 0)

describe("a schedule", () => {
  it("follows from its seed and from nothing else", () => {
    assert.deepStrictEqual(
      Array.from({ length: 100 }, (_, index) => makeSchedule(index + 1)),
      schedules,
    )
    assert.strictEqual(new Set(schedules.map(({ faults }) => JSON.stringify(faults))).size, schedules.length)
  })

  it("has each kind of fault in a good share of the seeds, and several in each", () => {
    const rare = allKinds.filter(
      (kind) => schedules.filter(({ faults }) => faults.some((fault) => fault.kind === kind)).length < 8,
    )
    assert.deepStrictEqual(rare, [])
    for (const { faults } of schedules) assert.isAtLeast(new Set(faults.map(({ kind }) => kind)).size, 3)
  })

  it("has every form of a fault that has several", () => {
    const forms = (of: string, key: string) =>
      new Set(
        schedules
          .flatMap(({ faults }) => faults.flatMap((fault) => (fault.side === "exchange" ? [fault.fault] : [])))
          .flatMap((fault) => (fault.kind === of ? [Object.entries(fault).find(([name]) => name === key)?.[1]] : [])),
      )
    assert.sameMembers([...forms("rest", "status")], [429, 418, 503, 500, 451, 403])
    assert.sameMembers([...forms("refuse", "status")], [429, 503, 451])
    assert.sameMembers(
      [...forms("malformed", "variant")],
      ["truncated", "missingKey", "emptyPrice", "notJson", "binary"],
    )
    assert.sameMembers([...forms("foreign", "variant")], ["event", "symbol"])
    assert.sameMembers([...forms("silence", "lose")], [true, false])
    assert.sameMembers([...forms("silence", "pings")], [true, false])
    assert.sameMembers([...forms("drop", "reset")], [true, undefined])
    assert.sameMembers([...forms("drop", "midFrame")], [true, undefined])
  })

  it("overlaps faults of different sides", () => {
    const overlapping = schedules.filter(({ faults }) =>
      faults.some((one) =>
        faults.some((other) => one.side !== other.side && one.at <= other.at && other.at < one.at + one.lasts),
      ),
    )
    assert.isAbove(overlapping.length, 40)
  })

  it("leaves a gap, whatever was drawn", () => {
    const alone = allKinds.flatMap((kind) => Array.from({ length: 20 }, (_, seed) => makeSchedule(seed, [kind])))
    for (const { faults, seed } of [...schedules, ...alone]) assert.isTrue(leavesGap(faults), `seed ${seed}`)
  })

  it("is over in time, and leaves time to recover", () => {
    for (const schedule of schedules) {
      const { faults, seed } = schedule
      for (const { at, kind, lasts } of faults) {
        assert.isAtLeast(at, 0)
        assert.isAtMost(at + lasts, 6_000, `${kind} of seed ${seed}`)
        if (kind === "kill") assert.isAtMost(at, 3_600)
      }
      assert.deepStrictEqual(
        faults.map(({ at }) => at),
        faults.map(({ at }) => at).toSorted((a, b) => a - b),
      )
      const database = millis(
        schedule,
        (fault) => fault.kind === "diskFull" || (fault.side === "database" && isAway(fault.kind)),
      )
      assert.isAtMost(database, MOST_AWAY.database)
      const rest = millis(schedule, ({ kind }) => kind !== "restFloor" && kinds.rest.some((name) => name === kind))
      assert.isAtMost(rest, MOST_AWAY.rest)
    }
  })

  it("posts nothing that the simulator does not know", () => {
    const posted = schedules.flatMap(({ faults }) =>
      faults.flatMap((fault) =>
        fault.side === "exchange" ? [fault.fault, ...(fault.bait === undefined ? [] : [fault.bait])] : [],
      ),
    )
    assert.lengthOf(readFaults(JSON.stringify(posted)), posted.length)
  })

  it("keeps to the kinds that were chosen", () => {
    const chosen = kindsNamed(["rest", "kill"]) ?? []
    assert.sameMembers([...chosen], [...kinds.rest, "kill"])
    for (let seed = 0; seed < 50; seed++) {
      for (const { kind } of makeSchedule(seed, chosen).faults) assert.include(chosen, kind)
    }
    const without = allKinds.filter((kind) => !needsOwnServer.has(kind))
    for (let seed = 0; seed < 50; seed++) {
      for (const { kind } of makeSchedule(seed, without).faults) assert.isFalse(needsOwnServer.has(kind))
    }
    assert.isUndefined(kindsNamed(["kill", "murder"]))
  })
})
