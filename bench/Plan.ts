/** How much is measured. */
export interface Plan {
  /** Each search for the highest sustained rate is done so often, in alternating order. */
  readonly rounds: number
  /** Trials that one search takes at most, in the first round and in later ones, which begin where the one before ended. */
  readonly mostTrials: { readonly first: number; readonly later: number }
  /** Trades a second with which the first search begins. */
  readonly firstRate: number
  /** Seconds of one of their trials that are looked at, and of every other one. */
  readonly searchSeconds: number
  readonly seconds: number
  /** Trades a second at which latency, CPU and memory are measured, ascending. */
  readonly rates: ReadonlyArray<number>
  /** Trades a second with which a subscriber is measured. */
  readonly subscriberRate: number
  /** How often the connection is cut, a second apart, and at which rate. */
  readonly cuts: number
  readonly cutRate: number
  /** Trades that Fulltape is behind with when it is to catch up, and at which rate others come meanwhile. */
  readonly behind: number
  readonly repairRate: number
  /** Seconds that a contender gets to store what it is behind with. */
  readonly patience: number
}

export const fullPlan: Plan = {
  rounds: 3,
  mostTrials: { first: 5, later: 3 },
  firstRate: 80_000,
  searchSeconds: 3,
  seconds: 5,
  rates: [1_000, 5_000, 20_000, 50_000],
  subscriberRate: 20_000,
  cuts: 10,
  cutRate: 1_000,
  behind: 600_000,
  repairRate: 1_000,
  patience: 4,
}

/** Everything once, and hardly anything of it: whether the bench works. */
export const quickPlan: Plan = {
  rounds: 1,
  mostTrials: { first: 1, later: 1 },
  firstRate: 500,
  searchSeconds: 1,
  seconds: 1,
  rates: [500],
  subscriberRate: 500,
  cuts: 2,
  cutRate: 500,
  behind: 30_000,
  repairRate: 500,
  patience: 30,
}
