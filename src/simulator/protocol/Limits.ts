/** What the exchange allows, and how often it asks whether a client is alive. Times in ms. */
export interface Limits {
  readonly pingInterval: number
  readonly pongTimeout: number
  readonly lifetime: number
  /** PING, PONG and each control request count. */
  readonly messagesPerSecond: number
  readonly streamsPerConnection: number
  /** Per address in 5 minutes; undefined: not limited. */
  readonly connectionAttempts: number | undefined
  /** Request weight per address and clock minute. */
  readonly weightPerMinute: number
}

/**
 * As documented in 2026, but for the 300 connection attempts in 5 minutes: against a local exchange every test and
 * every restart shares one address, so that limit has to be asked for.
 */
export const documentedLimits: Limits = {
  pingInterval: 20_000,
  pongTimeout: 60_000,
  lifetime: 24 * 60 * 60 * 1000,
  messagesPerSecond: 5,
  streamsPerConnection: 1_024,
  connectionAttempts: undefined,
  weightPerMinute: 6_000,
}
