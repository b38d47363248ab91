import { Console, Effect } from "effect"
import { type Plan } from "../Plan.ts"
import { contenderNames } from "../harness/Contender.ts"
import { trial } from "../harness/Trial.ts"
import { BATCH } from "./atRates.ts"

/** Seconds in which Fulltape may ask for what it missed; nobody else asks. */
const PATIENCE = 10

/** How many trades are missing after the connection was cut some times. */
export const cuts = (plan: Plan, seed: string) =>
  Effect.forEach(contenderNames, (name) =>
    Effect.gen(function* () {
      yield* Console.error(`  ${name}, ${plan.cuts} cuts`)
      const { missing, rate } = yield* trial({
        name,
        rate: plan.cutRate,
        seed,
        seconds: plan.cuts + 1,
        patience: name === "fulltape" ? Math.max(plan.patience, PATIENCE) : 1,
        faults: [{ kind: "drop", from: "subscription", at: "1500 millis", every: "1 second", times: plan.cuts }],
        ...BATCH,
      })
      return { name, cuts: plan.cuts, rate, missing }
    }),
  )
