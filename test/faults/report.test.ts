import { assert, describe, it } from "@effect/vitest"
import { allKinds } from "./Kind.ts"
import { report } from "./report.ts"
import { makeSchedule } from "./Schedule.ts"

const outcome = {
  schedule: makeSchedule(7, allKinds),
  seconds: 9.04,
  notes: ["1.00 s  kill"],
  figures: "10 trades sent",
  log: ["it said this"],
}

describe("report", () => {
  it("says of a seed that failed what is wrong, and how to run it again on the same server", () => {
    const text = report({ ...outcome, problems: ["1 id is missing"] }, ["--only", "kill", "--server", "timescale"])
    assert.match(text, /^seed 7 FAILED in 9\.0 s: 10 trades sent\n/)
    assert.include(text, "WRONG: 1 id is missing")
    assert.include(text, "it said this")
    assert.include(text, "again: npm run test:faults -- --runs 1 --seed 7 --only kill --server timescale")
  })

  it("leaves both out where nothing is wrong", () => {
    const text = report({ ...outcome, problems: [] }, [])
    assert.match(text, /^seed 7 passed in 9\.0 s: 10 trades sent\n/)
    assert.notMatch(text, /again|it said this/)
  })
})
