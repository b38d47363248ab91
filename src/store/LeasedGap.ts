/** A run of ids whose missing ones this process alone fills, until the lease ends. Both ends are missing, and included. */
export interface LeasedGap {
  readonly symbol: string
  readonly first: number
  readonly last: number
  /** How often it was leased, this time included, since anything of it was last accounted for. */
  readonly attempts: number
  /** When the lease ends, in the database's words; it is also what the lease is known by. */
  readonly until: string
}
