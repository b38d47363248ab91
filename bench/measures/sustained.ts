import { Console, Effect } from "effect"
import { type Plan } from "../Plan.ts"
import { type ContenderName } from "../harness/Contender.ts"
import { type Trial, trial } from "../harness/Trial.ts"

/** A contender with a size of its batches. */
export interface Setting {
  readonly name: ContenderName
  readonly batchSize: number
}

/** The peers with the larger batches alone: those of 100 are Fulltape's default. */
export const settings: ReadonlyArray<Setting> = [
  { name: "floor", batchSize: 1_000 },
  { name: "fulltape", batchSize: 1_000 },
  { name: "binance", batchSize: 1_000 },
  { name: "ccxt", batchSize: 1_000 },
  { name: "floor", batchSize: 100 },
  { name: "fulltape", batchSize: 100 },
]

/** A search ends when what was sustained and what was not are so close. */
const CLOSE = 1.1

/** How far a search goes up at a time: in the first round, and later, when it begins where the one before ended. */
const STRIDES = { first: 1.5, later: 1.1 } as const

/** More than the simulator can send beside a contender and a database on two cores. */
const HIGHEST = 250_000

/** Milliseconds from publication to commit beyond which a contender is behind: it does not get there in a steady state. */
const BEHIND = 250

const BATCH_TIMEOUT = 100

/** Whether everything was stored, and in time to the end. */
const isSustained = ({ lagAtEnd, missing }: Trial): boolean => missing === 0 && lagAtEnd <= BEHIND

/** What one search found. */
export interface Sustained {
  /** Trades stored a second at the highest rate that was sustained; null: none of the rates that were tried. */
  readonly perSecond: number | null
  /** µs of CPU that the process took for a trade at that rate. */
  readonly cpu: number | null
  readonly trials: ReadonlyArray<{ readonly rate: number; readonly sustained: boolean; readonly missing: number }>
}

interface SearchOptions {
  readonly setting: Setting
  /** Trades a second. */
  readonly start: number
  readonly stride: number
  readonly mostTrials: number
  readonly plan: Plan
  readonly seed: string
}

/** Searches the highest sustained rate, between one that was sustained and one that was not. */
const search = Effect.fnUntraced(function* ({ mostTrials, plan, seed, setting, start, stride }: SearchOptions) {
  const trials: Array<Sustained["trials"][number]> = []
  let best: Trial | undefined
  let lowestFailed = Number.POSITIVE_INFINITY
  let rate = Math.min(start, HIGHEST)
  while (trials.length < mostTrials) {
    const found = yield* trial({
      ...setting,
      rate: Math.round(rate),
      seed,
      seconds: plan.searchSeconds,
      batchTimeout: BATCH_TIMEOUT,
      patience: Math.min(plan.patience, 2),
    })
    const sustained = isSustained(found)
    trials.push({ rate: found.rate, sustained, missing: found.missing })
    yield* Console.error(
      `  ${setting.name}, batches of ${setting.batchSize}, ${found.rate}/s: ${sustained ? "sustained" : `not sustained (${found.missing} missing, ${Math.round(found.lagAtEnd)} ms behind)`}`,
    )
    if (sustained) best = found
    else lowestFailed = Math.min(lowestFailed, rate)
    if (best === undefined) {
      // What it stored, though it was behind, is near what it can.
      rate = Math.min(rate / CLOSE, Math.max(found.committedPerSecond, rate / 4))
    } else {
      if (lowestFailed / best.rate <= CLOSE || best.rate >= HIGHEST) break
      rate = Math.min(HIGHEST, best.rate * stride, Math.sqrt(best.rate * lowestFailed))
    }
  }
  return {
    found: { perSecond: best?.committedPerSecond ?? null, cpu: best?.cpu.process ?? null, trials } satisfies Sustained,
    next: best?.rate ?? rate,
  }
})

/** The searches of all settings, round by round, every second round in the opposite order. */
export const sustained = Effect.fnUntraced(function* (plan: Plan, seed: string) {
  const starts = new Map<Setting, number>(settings.map((setting) => [setting, plan.firstRate]))
  const rounds = new Map<Setting, Array<Sustained>>(settings.map((setting) => [setting, []]))
  for (let round = 0; round < plan.rounds; round++) {
    for (const setting of round % 2 === 0 ? settings : settings.toReversed()) {
      const { found, next } = yield* search({
        setting,
        plan,
        seed,
        start: starts.get(setting) ?? plan.firstRate,
        stride: STRIDES[round === 0 ? "first" : "later"],
        mostTrials: plan.mostTrials[round === 0 ? "first" : "later"],
      })
      starts.set(setting, next)
      rounds.get(setting)?.push(found)
    }
  }
  return settings.map((setting) => ({ ...setting, rounds: rounds.get(setting) ?? [] }))
})
