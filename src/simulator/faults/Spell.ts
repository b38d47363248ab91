import { Duration } from "effect"
import { type ExchangeClock } from "../protocol/ExchangeClock.ts"

/** A state that ends by itself; the latest that began is the one that holds. */
export interface Spell<A> {
  readonly begin: (duration: Duration.Duration, value: A) => void
  readonly current: () => A | undefined
  /** How long it still holds, in ms. */
  readonly left: () => number
}

/** Nothing holds yet. */
export const makeSpell = <A>(clock: ExchangeClock): Spell<A> => {
  let spell: { readonly until: number; readonly value: A } | undefined
  return {
    begin: (duration, value) => {
      spell = { until: clock() + Duration.toMillis(duration) * 1000, value }
    },
    current: () => (spell !== undefined && clock() < spell.until ? spell.value : undefined),
    left: () => Math.max(0, ((spell?.until ?? 0) - clock()) / 1000),
  }
}
