import { Clock, Effect } from "effect"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"

/** Of every address in one clock minute, documented and in every exchangeInfo that we know; `limit` corrects it. */
const DOCUMENTED_LIMIT = 6000
/** The rest is for other programs at our address, and for what is counted elsewhere before we hear of it. */
const SHARE = 0.95
const MINUTE = 60_000
/** How long a refusal without a Retry-After holds: to the end of the minute at most, and the first ban. */
const UNNAMED_WAIT = { 429: MINUTE, 418: 2 * MINUTE } as const

/** What an answer said about the limits. Header names are in lower case. */
export interface WeighedAnswer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | undefined }
}

/** The request weight that this process spends, https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits. */
export interface RequestWeight {
  /** Runs a request once its weight may be spent: within the share of this minute, and not before the time that the exchange named. */
  spending<A, E, R>(weight: number, request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
  /** Learns from the answer to a request of this weight, while it is still being spent. */
  answered(weight: number, answer: WeighedAnswer): Effect.Effect<void>
  /** The exchange's own figure for a minute. */
  limit(weight: number): void
  /** What is spent of this minute, by this process and, as far as the exchange told, by others at its address. */
  used(): number
  /** What the exchange allows in a minute. */
  allowed(): number
}

/**
 * The account of one address. The exchange counts by its own clock's minutes, so a minute begins here when the exchange's clock
 * says so; the weight of requests under way counts in it until the exchange has told its sum.
 */
export const makeRequestWeight: Effect.Effect<RequestWeight> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  let allowed = DOCUMENTED_LIMIT
  const every10Seconds = yield* makeRateLimited("10 seconds")
  let minute = 0
  let heard = false
  let used = 0
  let underWay = 0
  /** From our clock to the exchange's, at most a second and the way of an answer too little. */
  let offset = 0
  let closedUntil = 0

  const enter = (current: number) => {
    // One minute back is the second that `offset` is uncertain by; more is a clock that was set.
    if (current === minute || current === minute - 1) return
    minute = current
    used = underWay
  }

  /** Books the weight, or tells how many milliseconds to wait. */
  const book = (weight: number): number => {
    const now = clock.currentTimeMillisUnsafe()
    if (now < closedUntil) return closedUntil - now
    const there = now + offset
    enter(Math.floor(there / MINUTE))
    if (used + weight > allowed * SHARE) return (minute + 1) * MINUTE - there
    used += weight
    underWay += weight
    return 0
  }

  const spending = <A, E, R>(weight: number, request: Effect.Effect<A, E, R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        for (let wait = book(weight); wait > 0; wait = book(weight)) yield* restore(Effect.sleep(wait))
        return yield* Effect.ensuring(
          restore(request),
          Effect.sync(() => (underWay -= weight)),
        )
      }),
    )

  const answered = Effect.fnUntraced(function* (weight: number, { headers, status }: WeighedAnswer) {
    const now = clock.currentTimeMillisUnsafe()
    const sent = Date.parse(headers["date"] ?? "")
    if (Number.isFinite(sent)) offset = sent - now
    const current = Math.floor((now + offset) / MINUTE)
    // Until the first answer the minute was a guess by our own clock, which may be ahead.
    if (!heard) minute = Number.NaN
    heard = true
    enter(current)
    const told = Number(headers["x-mbx-used-weight-1m"] ?? Number.NaN)
    if (current === minute && Number.isFinite(told)) used = Math.max(used, told + underWay - weight)
    if (status === 429 || status === 418) {
      const named = Number(headers["retry-after"] ?? Number.NaN)
      const wait = named > 0 ? named * 1000 : UNNAMED_WAIT[status]
      const wasClosed = now < closedUntil
      closedUntil = Math.max(closedUntil, now + wait)
      if (wasClosed) return
      yield* every10Seconds(
        Effect.logWarning(
          `The exchange refuses requests for ${Math.ceil(wait / 1000)} s (HTTP ${status}): too many came from this address`,
        ),
      )
    }
  })

  return {
    spending,
    answered,
    limit: (weight) => void (allowed = weight),
    used: () => (Math.floor((clock.currentTimeMillisUnsafe() + offset) / MINUTE) > minute ? underWay : used),
    allowed: () => allowed,
  }
})
