/** The exchange's clock: µs since the epoch, never going back. */
export type ExchangeClock = () => number

/** The machine's time at the start of the process, counted on by its monotonic clock. */
export const systemClock: ExchangeClock = () => Math.floor((performance.timeOrigin + performance.now()) * 1000)
