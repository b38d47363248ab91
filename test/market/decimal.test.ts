import { assert, describe, it } from "@effect/vitest"
import { isSameDecimal } from "../../src/market/decimal.ts"

describe("isSameDecimal", () => {
  it.each([
    ["0.1", "0.10000000"],
    ["100", "100.00000000"],
    ["100.", "100"],
    ["0.00000000", "0"],
    ["84598.05000000", "84598.05"],
  ])("takes %s and %s as one", (one, other) => {
    assert.isTrue(isSameDecimal(one, other))
    assert.isTrue(isSameDecimal(other, one))
  })

  it.each([
    ["0.1", "0.10000001"],
    ["100", "10"],
    ["100", "1"],
    ["0.01", "0.1"],
    ["84598.050000001", "84598.05000000"],
    // Nothing becomes a float: these are one as doubles.
    ["9007199254740993.00000000", "9007199254740992.00000000"],
  ])("tells %s from %s", (one, other) => {
    assert.isFalse(isSameDecimal(one, other))
    assert.isFalse(isSameDecimal(other, one))
  })
})
