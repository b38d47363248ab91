/** A time of the exchange in µs. Milliseconds were the unit before `timeUnit` existed, and still are on hosts that do not know it. 10^14 µs is 1973. */
export const microseconds = (time: number): number => (time < 1e14 ? time * 1000 : time)
