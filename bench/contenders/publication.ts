/**
 * The simulated market publishes a trade so many µs after it was matched, by the time of the match alone (src/simulator/source/OrderTimes.ts):
 * from this the database can tell when a row was published.
 */
export const publicationDelay = (matchedAt: number): number => {
  const phase = matchedAt % 1_048_576
  return 400 + Math.floor((phase < 524_288 ? phase : 1_048_576 - phase) / 512)
}

/** The same in SQL, of a column with the µs since the epoch. */
export const publicationDelaySql = (matchedAt: string): string =>
  `(400 + floor(least(${matchedAt} % 1048576, 1048576 - ${matchedAt} % 1048576) / 512))`
