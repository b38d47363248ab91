import { assert, describe, it } from "@effect/vitest"
import { makeSpendWeight } from "../../../src/simulator/protocol/RequestWeight.ts"

const minute = 60_000

describe("RequestWeight", () => {
  it("serves up to the limit of a clock minute, and counts again in the next", () => {
    const spend = makeSpendWeight(100)
    assert.deepStrictEqual(spend("a", 60, minute + 59_000), { kind: "served", used: 60 })
    assert.deepStrictEqual(spend("a", 40, minute + 59_000), { kind: "served", used: 100 })
    assert.deepStrictEqual(spend("b", 40, minute + 59_000), { kind: "served", used: 40 })
    assert.deepStrictEqual(spend("a", 1, minute + 57_500), { kind: "limited", used: 101, retryAfter: 3 })
    assert.deepStrictEqual(spend("a", 1, 2 * minute), { kind: "served", used: 1 })
  })

  it("bans who goes on, for longer each time", () => {
    const spend = makeSpendWeight(10)
    const insist = (now: number) => Array.from({ length: 12 }, () => spend("a", 10, now)).at(-1)
    assert.deepInclude(insist(minute), { kind: "banned", retryAfter: 120 })
    assert.strictEqual(spend("a", 1, minute + 119_000).kind, "banned")
    assert.strictEqual(spend("a", 1, minute + 120_000).kind, "served")
    assert.deepInclude(insist(minute + 180_000), { kind: "banned", retryAfter: 240 })
  })
})
