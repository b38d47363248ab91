import type { Clock } from "effect"

/** Milliseconds of a clock that never goes back, for what is only compared: the wall clock may be set at any time. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
