import { Console, Effect, Schedule } from "effect"
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { positions } from "../faults/positions.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { type ExchangeProcess, startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { start } from "../fixtures/service/Program.ts"
import { environmentOf, type ServiceProcess, startService } from "../fixtures/service/ServiceProcess.ts"
import { type Query, TestPostgres } from "../fixtures/service/TestPostgres.ts"
import { accounted } from "./accounted.ts"
import { memoryOf, SECONDS_A_SAMPLE } from "./Memory.ts"
import { plotOf } from "./panels.ts"
import { csvHead, csvRow, type Sample } from "./Sample.ts"
import { Sampler } from "./Sampler.ts"
import { rateOf, sentNow } from "./Sent.ts"
import { type Evidence } from "./Verdict.ts"

export interface SoakOptions {
  readonly minutes: number
  /** Trades a second, of all symbols. */
  readonly rate: number
  /** Gets `soak.csv`, row by row, and `soak.svg`. */
  readonly out: string
}

const symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "XRPUSDT"]

/** As the service is run, but that an hour sees its connections replaced. */
const settings = { DB_POOL_MAX: "20", ROTATE_AFTER: "10 minutes" }

/** What left the exchange so long before SIGTERM has to be stored: a batch waits as long, and is written while the service stops. */
const DUE_AFTER = "1 second"

/** Runs the service against the simulator for so long, looks at it all the time, and gives what is to be judged. */
export const soak = Effect.fnUntraced(function* ({ minutes, out, rate }: SoakOptions) {
  const database = yield* (yield* TestPostgres).create
  const query = yield* database.connected
  const exchange = yield* startExchange(
    `--rate=${rate}`,
    `--symbols=${symbols.join(",")}`,
    `--epoch=${new Date().toISOString()}`,
  )
  const options = { exchange, database, symbols, env: settings }
  const service = yield* startService(options)
  yield* Console.log(
    `${rate} trades a second for ${minutes} minutes, service pid ${service.program.pid}, samples in ${out}`,
  )
  const sampler = new Sampler(service, query)
  const began = yield* sentNow(exchange)
  const samples = yield* Effect.raceFirst(watch(sampler, { minutes, out, rate }), endsByItself(service))
  yield* caughtUp(exchange, query)
  const peakBytes = yield* sampler.peakBytes
  const due = yield* sentNow(exchange)
  yield* Effect.sleep(DUE_AFTER)
  yield* service.program.signal("SIGTERM")
  const { code, signal } = yield* service.program.end("30 seconds")
  // It has gone on sending until the last connection was closed.
  const sent = yield* sentNow(exchange)
  yield* exchange.program.stop("SIGTERM")
  yield* Console.log("Stopped. Every row is counted, twice.")
  return {
    minutes,
    rate,
    verified: yield* verified(environmentOf(options)),
    measured: rateOf(began, due),
    accounted: yield* accounted(query, sent.bySymbol, due.bySymbol),
    peakBytes,
    memory: memoryOf(samples, minutes),
    ended: code ?? signal,
  } satisfies Evidence
})

const watch = Effect.fnUntraced(function* (sampler: Sampler, { minutes, out, rate }: SoakOptions) {
  const samples: Array<Sample> = []
  const table = join(out, "soak.csv")
  yield* Effect.sync(() => {
    mkdirSync(out, { recursive: true })
    writeFileSync(table, csvHead)
  })
  const look = Effect.tap(sampler.sample, (sample) =>
    Effect.sync(() => {
      samples.push(sample)
      appendFileSync(table, csvRow(sample))
    }),
  )
  const every = Schedule.fixed(`${SECONDS_A_SAMPLE} seconds`).pipe(Schedule.upTo({ duration: `${minutes} minutes` }))
  yield* Effect.repeat(look, every).pipe(
    // Also of a run that ends too early.
    Effect.ensuring(
      Effect.sync(() =>
        writeFileSync(
          join(out, "soak.svg"),
          plotOf(samples, minutes, `${rate.toLocaleString("en")} trades a second, ${minutes} minutes`),
        ),
      ),
    ),
  )
  return samples
})

const endsByItself = ({ program }: ServiceProcess) =>
  eventually(
    "The end of the service",
    Effect.sync(() => program.isRunning),
    (running) => !running,
    "365 days",
  ).pipe(
    Effect.flatMap(() => Effect.die(new Error("The service ended by itself"))),
    program.explained,
  )

/** Waits until all that was sent up to now is committed. */
const caughtUp = Effect.fnUntraced(function* (exchange: ExchangeProcess, query: Query) {
  const sent = yield* exchange.sent
  yield* eventually(
    "Everything that was sent committed",
    positions(query),
    (known) =>
      Object.entries(sent).every(([symbol, { lastId }]) =>
        known.some((position) => position.symbol === symbol && position.missing === 0 && position.high >= lastId),
      ),
    "60 seconds",
  )
})

const verified = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const program = yield* start(["verify"], { env })
  const { code } = yield* program.end("1800 seconds")
  const said = code === 0 ? program.lines.at(-1) : program.standardError.trim()
  return { code, said: said ?? "" }
})
