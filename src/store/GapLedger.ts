import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Context, Duration, Effect, Layer, Result } from "effect"
import { SqlClient } from "effect/sql"
import { bounded } from "./bounded.ts"
import { interval } from "./interval.ts"
import { joinGaps } from "./joinGaps.ts"
import type { LeasedGap } from "./LeasedGap.ts"
import type { StoreError } from "./StoreError.ts"

/** Until where everything of a symbol is there, and what may still be had. */
export interface Frontier {
  readonly symbol: string
  /** The highest id that was committed. */
  readonly high: number
  /** When that trade was matched, in ms since the epoch; undefined where it has no row. */
  readonly highTime: number | undefined
  /** The highest id up to which every id from the origin is stored or unfillable. */
  readonly frontier: number
  /** When the newest stored trade up to the frontier was matched, in ms since the epoch; undefined when none is stored. */
  readonly frontierTime: number | undefined
  /** When the oldest of the gaps that may still be filled was noticed, in ms since the epoch; undefined when there is none. */
  readonly noticed: number | undefined
  /** Runs of ids that are missing and may still be had. */
  readonly gaps: number
  /** Those of them that somebody is filling. */
  readonly filling: number
  /** The ids in them. */
  readonly missing: number
  /** Ids that cannot be had. */
  readonly unfillable: number
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
    /** Of every symbol, in the order of their names. */
    readonly frontiers: Effect.Effect<ReadonlyArray<Frontier>, StoreError>
    /** The highest committed id of each of the symbols that has one. */
    highs(symbols: ReadonlyArray<string>): Effect.Effect<ReadonlyMap<string, number>, StoreError>
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

        const lease = Effect.fn("GapLedger.lease")(function* (most: number) {
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

        const renew = Effect.fn("GapLedger.renew")(function* (gaps: ReadonlyArray<LeasedGap>) {
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

        const release = Effect.fn("GapLedger.release")(function* (
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

        // The time of the frontier is that of one id: to look for the newest row below a gap would mean to read compressed days whole.
        // Gaps do not overlap, so the id before one is in another only when that one ends there.
        const frontiers = sql<FrontierRow>`
          SELECT symbols.symbol, high_id, high_time, coalesce(open.first_id - 1, high_id) AS frontier_id,
            CASE WHEN open.first_id IS NULL THEN high_time ELSE newest.timestamp END AS frontier_time,
            noticed_at, coalesce(open.gaps, 0) AS gaps, coalesce(open.filling, 0) AS filling,
            coalesce(open.missing, 0)::bigint AS missing, coalesce(open.unfillable, 0)::bigint AS unfillable
          FROM symbols
          LEFT JOIN (
            SELECT symbol, min(first_id) FILTER (WHERE state <> 'unfillable') AS first_id,
              min(noticed_at) FILTER (WHERE state <> 'unfillable') AS noticed_at,
              count(*) FILTER (WHERE state <> 'unfillable') AS gaps,
              count(*) FILTER (WHERE state = 'filling' AND leased_until > clock_timestamp()) AS filling,
              sum(last_id - first_id + 1) FILTER (WHERE state <> 'unfillable') AS missing,
              sum(last_id - first_id + 1) FILTER (WHERE state = 'unfillable') AS unfillable
            FROM trade_gaps WHERE state <> 'filled' GROUP BY symbol
          ) AS open USING (symbol)
          LEFT JOIN LATERAL (
            SELECT timestamp FROM raw_trades
            WHERE raw_trades.symbol = symbols.symbol AND trade_id = (
              SELECT max(before.id) FROM (
                SELECT open.first_id - 1 AS id
                UNION ALL
                SELECT first_id - 1 FROM trade_gaps
                WHERE trade_gaps.symbol = symbols.symbol AND state <> 'filled' AND first_id < open.first_id AND last_id >= kept_from_id
              ) AS before
              WHERE before.id NOT IN (
                SELECT last_id FROM trade_gaps WHERE trade_gaps.symbol = symbols.symbol AND state <> 'filled' AND last_id >= kept_from_id - 1)
            )
            LIMIT 1
          ) AS newest ON TRUE
          ORDER BY symbol`.pipe(
          Effect.map((rows) =>
            rows.map((row): Frontier => ({
              symbol: row.symbol,
              high: Number(row.high_id),
              highTime: row.high_time?.getTime(),
              frontier: Number(row.frontier_id),
              frontierTime: row.frontier_time?.getTime(),
              noticed: row.noticed_at?.getTime(),
              gaps: Number(row.gaps),
              filling: Number(row.filling),
              missing: Number(row.missing),
              unfillable: Number(row.unfillable),
            })),
          ),
          timely,
        )

        const highs = Effect.fn("GapLedger.highs")(function* (symbols: ReadonlyArray<string>) {
          const rows = yield* sql<{ readonly symbol: string; readonly high_id: bigint }>`
            SELECT symbol, high_id FROM symbols
            WHERE symbol = ANY (${Result.getOrThrow(PgTypes.array(symbols, PgTypes.OID.text))})`
          return new Map(rows.map(({ high_id, symbol }) => [symbol, Number(high_id)]))
        }, timely)

        const high = Effect.fn("GapLedger.high")(function* (symbol: string) {
          const [row] = yield* sql<{ readonly high_id: bigint }>`SELECT high_id FROM symbols WHERE symbol = ${symbol}`
          return row === undefined ? undefined : Number(row.high_id)
        }, timely)

        return GapLedger.of({ lease, renew, release, unfillable, frontiers, highs, high })
      }),
    )
}

interface FrontierRow {
  readonly symbol: string
  readonly high_id: bigint
  readonly frontier_id: bigint
  readonly high_time: Date | null
  readonly frontier_time: Date | null
  readonly noticed_at: Date | null
  readonly gaps: bigint
  readonly filling: bigint
  readonly missing: bigint
  readonly unfillable: bigint
}

interface LeaseRow {
  readonly symbol: string
  readonly first_id: bigint
  readonly last_id: bigint
  readonly attempts: number
  readonly until: string
}

const column = (type: "int8" | "text", gaps: ReadonlyArray<LeasedGap>, value: (gap: LeasedGap) => string | bigint) =>
  Result.getOrThrow(PgTypes.array(gaps.map(value), PgTypes.OID[type]))
