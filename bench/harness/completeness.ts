import { Duration, Effect, Schedule } from "effect"
import { type ExchangeProcess } from "../../test/fixtures/service/ExchangeProcess.ts"
import { type Query } from "../../test/fixtures/service/TestPostgres.ts"

type Newest = Readonly<Record<string, number | null>>

/** Waits until the newest trades of then are stored; not for ever. */
export const caughtUp = (query: Query, newest: Newest, patience: number) =>
  Effect.forEach(Object.entries(newest), ([symbol, id]) =>
    query(`SELECT FROM raw_trades WHERE symbol = '${symbol}' AND trade_id >= ${id ?? 0} LIMIT 1`).pipe(
      Effect.repeat({ until: ({ length }) => length > 0, schedule: Schedule.spaced("50 millis") }),
    ),
  ).pipe(Effect.timeoutOption(Duration.seconds(patience)))

interface MissingOptions {
  readonly query: Query
  readonly exchange: ExchangeProcess
  readonly newest: Newest
  /** Seconds that what comes late, by another insert or from REST, is waited for. */
  readonly patience: number
}

/** Ids from the first that was sent to the newest that have no row. */
export const missingOf = Effect.fnUntraced(function* ({ exchange, newest, patience, query }: MissingOptions) {
  const sent = yield* exchange.sent
  const count = Effect.forEach(Object.entries(sent), ([symbol, { firstId }]) =>
    missingIn(query, symbol, firstId, newest[symbol] ?? 0),
  ).pipe(Effect.map((counts) => counts.reduce((sum, missing) => sum + missing, 0)))
  return yield* count.pipe(
    Effect.repeat({
      until: (missing) => missing === 0,
      schedule: Schedule.upTo(Schedule.spaced("250 millis"), { duration: Duration.seconds(patience) }),
    }),
    Effect.andThen(count),
  )
})

/** How many ids of a run of a symbol have no row. */
export const missingIn = (query: Query, symbol: string, first: number, last: number) =>
  Effect.map(
    query(`SELECT count(DISTINCT trade_id)::int4 AS ids FROM raw_trades
      WHERE symbol = '${symbol}' AND trade_id BETWEEN ${first} AND ${last}`),
    ([row]) => Math.max(0, last - first + 1 - Number(row?.["ids"])),
  )
