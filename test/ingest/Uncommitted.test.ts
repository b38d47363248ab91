import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Uncommitted } from "../../src/ingest/Uncommitted.ts"

describe("Uncommitted", () => {
  it("knows when the oldest came, to a twentieth of a second", () => {
    let waiting = 0
    const uncommitted = new Uncommitted((change) => (waiting += change))
    assert.strictEqual(uncommitted.oldest, undefined)
    uncommitted.add(3, 1_000)
    uncommitted.add(2, 1_020)
    uncommitted.add(4, 2_000)
    uncommitted.remove(4)
    assert.strictEqual(uncommitted.oldest, 1_000)
    uncommitted.remove(1)
    assert.strictEqual(uncommitted.oldest, 2_000)
    assert.strictEqual(waiting, 4)
    uncommitted.remove(4)
    assert.strictEqual(uncommitted.oldest, undefined)
    uncommitted.add(1, 2_010)
    assert.strictEqual(uncommitted.oldest, 2_010)
  })

  it("agrees with a list of all of them, however many come and go", () =>
    fc.assert(
      fc.property(fc.array(fc.record({ come: fc.nat(40), go: fc.nat(40) }), { maxLength: 3_000 }), (steps) => {
        const all: Array<number> = []
        const uncommitted = new Uncommitted(() => undefined)
        steps.forEach(({ come, go }, step) => {
          const receivedAt = step * 100
          uncommitted.add(come, receivedAt)
          for (let n = 0; n < come; n++) all.push(receivedAt)
          const gone = Math.min(go, all.length)
          uncommitted.remove(gone)
          all.splice(0, gone)
          assert.strictEqual(uncommitted.oldest, all[0])
        })
      }),
      { numRuns: 20 },
    ))
})
