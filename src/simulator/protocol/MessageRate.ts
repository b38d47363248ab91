/** Counts what happens within the last second, or any other window. */
export interface MessageRate {
  /** Notes one more at `now` (ms); false when the window already holds as many as are allowed. */
  readonly allow: (now: number) => boolean
}

/** At most `limit` in any `window` ms. */
export const makeMessageRate = (limit: number, window: number): MessageRate => {
  const times: Array<number> = []
  return {
    allow: (now) => {
      while (times[0] !== undefined && times[0] <= now - window) {
        times.shift()
      }
      times.push(now)
      return times.length <= limit
    },
  }
}
