import { Console, Effect } from "effect"
import { type Plan } from "../Plan.ts"
import { contenderNames } from "../harness/Contender.ts"
import { trial } from "../harness/Trial.ts"
import { BATCH } from "./atRates.ts"

/** How soon trades reach a callback in the process that stores them. */
export const subscribers = (plan: Plan, seed: string) =>
  Effect.forEach(contenderNames, (name) =>
    Effect.gen(function* () {
      yield* Console.error(`  ${name}, ${plan.subscriberRate}/s`)
      const { patience, seconds, subscriberRate: rate } = plan
      const found = yield* trial({ name, rate, seed, seconds: seconds + 1, patience, subscribed: true, ...BATCH })
      return { name, rate, missing: found.missing, arrivals: found.arrivals ?? { p50: NaN, p99: NaN, p999: NaN } }
    }),
  )
