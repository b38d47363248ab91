import { Console, Duration, Effect, Schedule } from "effect"
import { startExchange } from "../../test/fixtures/service/ExchangeProcess.ts"
import { type Query } from "../../test/fixtures/service/TestPostgres.ts"
import { positions } from "../../test/faults/positions.ts"
import { built } from "../harness/built.ts"
import { startContender, symbols } from "../harness/Contender.ts"
import { cpuSecondsOf, cpuSecondsWithChildren } from "../harness/cpu.ts"
import { missingIn } from "../harness/completeness.ts"
import { farBehind, FIRST_ID, STORED } from "../harness/farBehind.ts"
import { Server } from "../harness/Server.ts"
import { type Plan } from "../Plan.ts"
import { BATCH } from "./atRates.ts"

/** Of request weight in a minute: nobody spends it. */
const NO_LIMIT = 1_000_000_000

/** Trades a second below which it is not waited for. */
const SLOWEST = 5_000

/** What came of the repair of a database that stood far behind. */
export interface Repair {
  readonly name: "fulltape"
  /** Ids that were missing when Fulltape started. */
  readonly behind: number
  /** Trades of them committed a second, from the first commit to the last one. */
  readonly perSecond: number
  /** Those of them that were not stored in time. */
  readonly missing: number
  /** µs of CPU a trade of them, from the start of the process on. */
  readonly cpu: { readonly process: number; readonly database: number; readonly simulator: number }
}

/** Ids of a symbol, both ends included. */
interface Due {
  readonly symbol: string
  readonly first: number
  readonly last: number
}

/**
 * How quickly Fulltape catches up, when the exchange allows any request weight, while trades go on.
 *
 * @param profileTo a folder that gets a CPU profile of Fulltape.
 */
export const repair = (plan: Plan, seed: string, profileTo?: string) =>
  Effect.map(Effect.scoped(run(plan, seed, profileTo)), (found) => [found] as const)

const run = Effect.fnUntraced(function* ({ behind, repairRate }: Plan, seed: string, profileTo: string | undefined) {
  yield* Console.error(`  fulltape, ${behind} trades behind`)
  const server = yield* Server
  const database = yield* server.database
  const query = yield* database.connected
  const epoch = new Date(Date.now() - (behind / repairRate) * 1_000).toISOString()
  const exchange = yield* built(
    startExchange(
      `--rate=${repairRate}`,
      `--seed=${seed}`,
      `--symbols=${symbols.join(",")}`,
      `--start-id=${FIRST_ID}`,
      `--epoch=${epoch}`,
      `--request-weight=${NO_LIMIT}`,
    ),
  )
  yield* farBehind(database.url, exchange)
  // Live brings none of these: they were public before it began.
  const { newestId } = yield* exchange.state
  const due = Object.entries(newestId).map(([symbol, id]): Due => ({
    symbol,
    first: FIRST_ID + STORED,
    last: id ?? 0,
  }))
  const ids = due.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  const sample = () => [cpuSecondsWithChildren(server.pid), cpuSecondsOf(exchange.program.pid)]
  const [databaseBefore = 0, simulatorBefore = 0] = sample()
  const fulltape = yield* startContender({ name: "fulltape", database, exchange, profileTo, ...BATCH })
  yield* positions(query).pipe(
    Effect.repeat({
      until: (known) =>
        due.every(({ last, symbol }) => known.some((at) => at.symbol === symbol && at.missing === 0 && at.high > last)),
      schedule: Schedule.spaced("50 millis"),
    }),
    Effect.timeoutOption(Duration.seconds(10 + ids / SLOWEST)),
  )
  const [databaseAfter = 0, simulatorAfter = 0] = sample()
  const processSeconds = cpuSecondsOf(fulltape.pid)
  if (profileTo !== undefined) {
    yield* fulltape.signal("SIGTERM")
    yield* fulltape.end("30 seconds")
  }
  yield* fulltape.stop("SIGKILL")
  yield* exchange.program.stop("SIGKILL")
  const counts = yield* Effect.forEach(due, ({ first, last, symbol }) => missingIn(query, symbol, first, last))
  const missing = counts.reduce((sum, count) => sum + count, 0)
  const micro = (seconds: number): number => (seconds / (ids - missing)) * 1e6
  return {
    name: "fulltape",
    behind: ids,
    perSecond: yield* rateOf(query, due),
    missing,
    cpu: {
      process: micro(processSeconds),
      database: micro(databaseAfter - databaseBefore),
      simulator: micro(simulatorAfter - simulatorBefore),
    },
  } satisfies Repair
})

/** From the rows: how many of the ids were committed a second, after the first commit of some and up to the last one. */
const rateOf = (query: Query, due: ReadonlyArray<Due>) =>
  Effect.map(
    query(`
      WITH stored AS MATERIALIZED (
        SELECT raw_trades.xmin AS id
        FROM raw_trades
        JOIN (VALUES ${due.map(({ first, last, symbol }) => `('${symbol}', ${first}::int8, ${last}::int8)`).join(",")})
          AS due (symbol, first, last) USING (symbol)
        WHERE trade_id BETWEEN first AND last
      ), commits AS MATERIALIZED (
        SELECT id, (date_part('epoch', pg_xact_commit_timestamp(id)) * 1000000)::int8 AS committed
        FROM (SELECT DISTINCT id FROM stored) AS transactions
      ), span AS (SELECT min(committed) AS first, max(committed) AS last FROM commits)
      SELECT count(*)::int4 AS trades, (max(last) - max(first))::float8 AS micros
      FROM stored JOIN commits USING (id), span WHERE committed > first`),
    ([row]) => (Number(row?.["trades"]) / Number(row?.["micros"])) * 1e6,
  )
