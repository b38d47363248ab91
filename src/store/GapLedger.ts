import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Context, Duration, Effect, Layer, Result } from "effect"
import { SqlClient } from "effect/sql"
import { bounded } from "./bounded.ts"
import { joinGaps } from "./joinGaps.ts"
import type { LeasedGap } from "./LeasedGap.ts"
import type { StoreError } from "./StoreError.ts"

/** What is missing of a symbol and may still be had. */
export interface OpenGaps {
  readonly symbol: string
  readonly gaps: number
  readonly ids: number
}

/** How a lease ends. */
export interface Release {
  /** Why ids are left; the one before stays without it. */
  readonly error?: string | undefined
  /** Until what is left may be leased again. */
  readonly wait: Duration.Duration
  /** Whether any id was accounted for. */
  readonly progressed: boolean
}

/** A lease that is not renewed ends after this: so long a killed process keeps others from its gaps. */
export const LEASE = Duration.seconds(5)

/** A hole often closes by itself: frames overtake each other, and a second connection has what the first one lacks. */
export const SETTLING = Duration.millis(500)

/** Which ids are missing, and who looks for them. Nothing here can make an id count as stored: only a commit does. */
export class GapLedger extends Context.Service<
  GapLedger,
  {
    /**
     * Takes gaps that nobody fills, the smallest first: open ones older than `SETTLING`, and those whose lease ended. Neighbours are
     * joined where that saves a page.
     */
    lease(most: number): Effect.Effect<ReadonlyArray<LeasedGap>, StoreError>
    /** Prolongs leases by `LEASE` from now: each in its new form, or undefined where it is held no more or has no ids left. */
    renew(gaps: ReadonlyArray<LeasedGap>): Effect.Effect<ReadonlyArray<LeasedGap | undefined>, StoreError>
    /** Ends the lease, and tells how many ids of the run are still missing. */
    release(gap: LeasedGap, release: Release): Effect.Effect<number, StoreError>
    /** Records for good that missing ids cannot be had, with the reason; gives how many. Ids that are stored stay stored. */
    unfillable(symbol: string, first: number, last: number, reason: string): Effect.Effect<number, StoreError>
    /** What is missing by symbol; symbols that miss nothing are not in it. */
    readonly open: Effect.Effect<ReadonlyArray<OpenGaps>, StoreError>
    /** The highest id of the symbol that was committed; undefined when none was. */
    high(symbol: string): Effect.Effect<number | undefined, StoreError>
  }
>()("fulltape/store/GapLedger") {
  /** @param options.timeout bounds every statement. */
  static readonly layer = (options: { readonly timeout: Duration.Duration; readonly lease?: Duration.Duration }) =>
    Layer.effect(
      GapLedger,
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const timely = bounded(options.timeout)
        const lasting = interval(options.lease ?? LEASE)

        const lease = Effect.fnUntraced(function* (most: number) {
          const rows = yield* sql<LeaseRow>`
            SELECT symbol, first_id, last_id, attempts, leased_until::text AS until
            FROM lease_gaps(${lasting}::interval, ${interval(SETTLING)}::interval, ${most}::int)`
          return joinGaps(
            rows.map(({ attempts, first_id, last_id, symbol, until }) => ({
              symbol,
              first: Number(first_id),
              last: Number(last_id),
              attempts,
              until,
            })),
          )
        }, timely)

        const renew = Effect.fnUntraced(function* (gaps: ReadonlyArray<LeasedGap>) {
          if (gaps.length === 0) return []
          const [row] = yield* sql<{ readonly ends: string; readonly held: ReadonlyArray<bigint> | null }>`
            SELECT ends::text AS ends, held FROM renew_gaps(
              ${lasting}::interval,
              ${column("text", gaps, ({ symbol }) => symbol)},
              ${column("int8", gaps, ({ first }) => BigInt(first))},
              ${column("int8", gaps, ({ last }) => BigInt(last))},
              ${column("text", gaps, ({ until }) => until)}::timestamptz[])`
          const held = new Set((row?.held ?? []).map(Number))
          return gaps.map((gap, index) => (held.has(index + 1) ? { ...gap, until: row?.ends ?? gap.until } : undefined))
        }, timely)

        const release = Effect.fnUntraced(function* (
          { first, last, symbol, until }: LeasedGap,
          { error, progressed, wait }: Release,
        ) {
          const [row] = yield* sql<{ readonly missing: bigint }>`
            SELECT missing::bigint AS missing FROM release_gap(
              ${symbol}, ${BigInt(first)}, ${BigInt(last)}, ${until}::timestamptz,
              ${error?.replaceAll("\0", "\\0") ?? null}, ${interval(wait)}::interval, ${progressed})`
          return Number(row?.missing ?? 0)
        }, timely)

        const unfillable = Effect.fn("GapLedger.unfillable")(function* (
          symbol: string,
          first: number,
          last: number,
          reason: string,
        ) {
          const [row] = yield* sql<{ readonly given_up: bigint }>`
            SELECT given_up::bigint AS given_up FROM give_up(${symbol}, ${BigInt(first)}, ${BigInt(last)}, ${reason})`
          return Number(row?.given_up ?? 0)
        }, timely)

        const open = sql<{ readonly symbol: string; readonly gaps: bigint; readonly ids: bigint }>`
          SELECT symbol, count(*) AS gaps, sum(last_id - first_id + 1)::bigint AS ids
          FROM trade_gaps WHERE state IN ('open', 'filling') GROUP BY symbol ORDER BY symbol`.pipe(
          Effect.map((rows) =>
            rows.map(({ gaps, ids, symbol }): OpenGaps => ({ symbol, gaps: Number(gaps), ids: Number(ids) })),
          ),
          timely,
        )

        const high = Effect.fnUntraced(function* (symbol: string) {
          const [row] = yield* sql<{ readonly high_id: bigint }>`SELECT high_id FROM symbols WHERE symbol = ${symbol}`
          return row === undefined ? undefined : Number(row.high_id)
        }, timely)

        return GapLedger.of({ lease, renew, release, unfillable, open, high })
      }),
    )
}

interface LeaseRow {
  readonly symbol: string
  readonly first_id: bigint
  readonly last_id: bigint
  readonly attempts: number
  readonly until: string
}

const interval = (duration: Duration.Duration) => `${Duration.toMillis(duration)} milliseconds`

const column = (type: "int8" | "text", gaps: ReadonlyArray<LeasedGap>, value: (gap: LeasedGap) => string | bigint) =>
  Result.getOrThrow(PgTypes.array(gaps.map(value), PgTypes.OID[type]))
