import { Console, Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { startService } from "../fixtures/service/ServiceProcess.ts"
import { storedRuns } from "../fixtures/service/stored.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

const ROUNDS = 9

/** Of every line of the log with this message, when it was written, in ms since the epoch. */
const timesOf = (lines: ReadonlyArray<string>, message: string): ReadonlyArray<number> =>
  lines.flatMap((line) => {
    const [, timestamp] = /"timestamp":"([^"]+)"/.exec(line) ?? []
    return timestamp !== undefined && line.includes(`"message":"${message}"`) ? [Date.parse(timestamp)] : []
  })

const median = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const measureAt = Effect.fnUntraced(function* (rate: number) {
  const { create } = yield* TestPostgres
  const [exchange, database] = yield* Effect.all([startExchange(`--rate=${rate}`), create], { concurrency: 2 })
  const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]
  const service = yield* startService({ exchange, database, symbols })
  yield* service.stored(rate)
  const waits: Array<number> = []
  const outages: Array<number> = []
  for (let round = 0; round < ROUNDS; round++) {
    // Dials fail for some seconds, so that the backoff is at its longest.
    const away = round * 1_000
    const connects = Effect.sync(() => timesOf(service.program.lines, "Connected to the exchange"))
    const before = (yield* connects).length
    yield* exchange.inject([{ kind: "refuse", for: away + 1 }, { kind: "drop" }])
    const accepts = Date.now() + away
    const times = yield* eventually("a new connection", connects, ({ length }) => length > before, "30 seconds")
    const connectedAt = times.at(-1) ?? Number.NaN
    const batches = yield* service.sample("fulltape_batches_total")
    yield* eventually("a commit", service.sample("fulltape_batches_total"), (count) => count > batches)
    waits.push(Date.now() - connectedAt)
    outages.push(Math.max(0, connectedAt - accepts))
  }
  yield* eventually("no hole", storedRuns(database), (runs) => Object.values(runs).every((of) => of.length === 1))
  yield* Console.log(
    `${rate} trades/s: handshake to first commit ${median(waits)} ms (median of ${ROUNDS}, longest ${Math.max(...waits)}), ` +
      `dialled at most ${Math.max(...outages)} ms after the exchange accepted again, 0 ids lost`,
  )
})

/** A connection that is lost again and again, at two rates. */
export const reconnect = Effect.forEach([100, 500], (rate) => Effect.scoped(measureAt(rate)), { discard: true })
