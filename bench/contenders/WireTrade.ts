/** A trade as the exchange's stream writes it, times in microseconds. */
export interface WireTrade {
  /** When it was published. */
  readonly E: number
  readonly s: string
  readonly t: number
  readonly p: string
  readonly q: string
  /** When it was matched. */
  readonly T: number
  readonly m: boolean
}
