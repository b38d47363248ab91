import { Console, Effect } from "effect"
import { type Plan } from "../Plan.ts"
import { contenderNames } from "../harness/Contender.ts"
import { trial } from "../harness/Trial.ts"

/** Small, so that what is measured is the way of a trade and not how long it waits for others. */
export const BATCH = { batchSize: 1_000, batchTimeout: 20 } as const

/** Latency, CPU, memory and start of every contender, at every rate. */
export const atRates = (plan: Plan, seed: string) =>
  Effect.forEach(plan.rates, (rate, index) =>
    Effect.forEach(index % 2 === 0 ? contenderNames : contenderNames.toReversed(), (name) =>
      Effect.gen(function* () {
        yield* Console.error(`  ${name}, ${rate}/s`)
        return yield* trial({ name, rate, seed, seconds: plan.seconds, patience: plan.patience, ...BATCH })
      }),
    ),
  ).pipe(Effect.map((trials) => trials.flat()))
