import { Cause, Effect, Exit } from "effect"
import { type SyntheticMarketOptions } from "../../src/simulator/source/SyntheticMarket.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { eventually } from "../fixtures/service/eventually.ts"
import { startExchange } from "../fixtures/service/ExchangeProcess.ts"
import { run as runProgram } from "../fixtures/service/Program.ts"
import { environmentOf } from "../fixtures/service/ServiceProcess.ts"
import { DatabaseProxy } from "./DatabaseProxy.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"
import { type Evidence, gather } from "./evidence.ts"
import { makeInjectDatabase } from "./injectDatabase.ts"
import { makeInjectExchange } from "./injectExchange.ts"
import { makeInjectProcess } from "./injectProcess.ts"
import { Journal } from "./Journal.ts"
import { positions } from "./positions.ts"
import { RunningService } from "./RunningService.ts"
import { type Schedule } from "./Schedule.ts"
import { type SpillDisk, spillDisk } from "./spillDisk.ts"
import { type Stage } from "./Stage.ts"
import { judge } from "./Verdict.ts"

/** From the start of a run to its verdict, in seconds, unless another limit is given: a machine that is busy needs more. */
export const LIMIT = 15

/** Of a run, in seconds, that is left for catching up behind the last fault, and for the verdict. */
const REMAINDER = 6.5

/** Of the part with faults, however early the last of them is over. */
const LEAST_LENGTH = "6 seconds"

/** What too few trades, or too few faults, would have shown. */
const LEAST_SENT = 10_000

/** What came of one run. */
export interface Outcome {
  readonly schedule: Schedule
  readonly seconds: number
  readonly notes: ReadonlyArray<string>
  /** None: it passed. */
  readonly problems: ReadonlyArray<string>
  readonly figures: string
  /** What the processes of the service said last. */
  readonly log: ReadonlyArray<string>
}

/** Plays one schedule against a service, from nothing to the verdict; nothing of it runs on afterwards. */
export const run = Effect.fnUntraced(function* (schedule: Schedule, server: DatabaseServer, limit: number) {
  const journal = new Journal()
  let service: RunningService | undefined
  let log: ReadonlyArray<string> = []
  let figures = "there is no verdict"
  let seconds: number | undefined
  const exit = yield* Effect.gen(function* () {
    const prepared = yield* prepare(schedule, server, journal, limit)
    service = prepared.stage.service
    yield* Effect.addFinalizer(() => Effect.sync(() => (log = service?.log ?? [])))
    figures = yield* Effect.raceFirst(play(schedule, prepared, limit), service.endsByItself)
  }).pipe(
    Effect.timeoutOrElse({
      duration: limit * 1_000,
      orElse: () => Effect.sync(() => journal.problem(`it was not over within ${limit} s`)),
    }),
    Effect.ensuring(Effect.sync(() => (seconds = journal.seconds))),
    Effect.scoped,
    Effect.exit,
  )
  if (Exit.isFailure(exit)) {
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    const error = Cause.squash(exit.cause)
    journal.problem(error instanceof Error ? error.message : String(error))
  }
  const { notes, problems } = journal
  return { schedule, seconds: seconds ?? journal.seconds, notes, problems, figures, log } satisfies Outcome
})

const prepare = Effect.fnUntraced(function* (
  schedule: Schedule,
  server: DatabaseServer,
  journal: Journal,
  limit: number,
) {
  const { market, seed, settings } = schedule
  const epoch = Date.now()
  const source: SyntheticMarketOptions = {
    seed: `faults-${seed}`,
    ...market,
    epoch: epoch * 1_000,
    count: undefined,
    atSubscribe: true,
  }
  const flags = [
    `--seed=${source.seed}`,
    `--symbols=${market.symbols.join(",")}`,
    `--rate=${market.rate}`,
    `--epoch=${new Date(epoch).toISOString()}`,
    ...(market.startId === undefined ? [] : [`--start-id=${market.startId}`]),
  ]
  const [exchange, database, { port, proxy }, folder] = yield* Effect.all(
    [
      startExchange(...flags),
      server.create(`faults_${process.pid}_${seed}`),
      DatabaseProxy.make(server),
      temporaryFolder,
    ],
    { concurrency: "unbounded" },
  )
  const url = new URL(database.url)
  url.host = `127.0.0.1:${port}`
  const env = environmentOf({
    exchange,
    database: { url: url.href },
    symbols: market.symbols,
    env: { DB_TIMEOUT: "1000", MAX_RECONNECT_ATTEMPTS: "0", ...settings },
  })
  const full = schedule.faults.find(({ kind }) => kind === "diskFull")
  const disk: SpillDisk =
    full?.side === "process"
      ? yield* spillDisk(RunningService.dataDir(folder, "data"), full.megabytes)
      : { prefix: [], fill: Effect.void, empty: Effect.void }
  const service = new RunningService({ env, folder, prefix: disk.prefix })
  const stage: Stage = {
    exchange,
    server,
    database,
    proxy,
    service,
    disk,
    journal,
    lastRepeat: (limit - REMAINDER) * 1_000,
  }
  return { stage, source, env }
})

type Prepared = Effect.Success<ReturnType<typeof prepare>>

const play = Effect.fnUntraced(function* (schedule: Schedule, { env, source, stage }: Prepared, limit: number) {
  const { database, exchange, journal, service } = stage
  const first = yield* service.start
  yield* first.line(/"Batch processed"/, "8 seconds")
  yield* eventually(
    "A first commit of each symbol",
    positions(database.admin.query),
    (known) => known.length === source.symbols.length,
  )

  journal.begin()
  yield* Effect.all([inject(schedule, stage), Effect.sleep(LEAST_LENGTH)], { concurrency: 2, discard: true })
  yield* eventually("A number of trades", exchange.state, ({ sentTrades }) => sentTrades > LEAST_SENT)
  const isStalled = schedule.faults.some(({ kind, lasts }) => kind === "stall" && lasts === 0)
  const before = yield* exchange.state
  yield* exchange.inject([{ kind: "lifetime", after: "24 hours" }, ...(isStalled ? [{ kind: "close" }] : [])])
  journal.note("every fault is over")

  // After a close a new one: it leaves the last hole.
  const { newestId } = yield* eventually(
    "A connection with every stream",
    exchange.state,
    ({ connections, opened }) =>
      opened >= before.opened + (isStalled ? 1 : 0) &&
      connections.some(({ streams }) => streams.length === source.symbols.length),
  )
  const sent = yield* exchange.sent
  const query = yield* database.admin.connected
  yield* eventually(
    "A service that has caught up",
    positions(query),
    (known) =>
      known.every(
        ({ high, missing, symbol }) =>
          missing === 0 && high >= Math.max(newestId[symbol] ?? 0, sent[symbol]?.lastId ?? 0),
      ),
    // A little before the limit, so that a failure tells what is still missing.
    Math.max(0, (limit - journal.seconds) * 1_000 - 200),
  )
  journal.note("it has caught up")
  yield* stop(schedule, stage)

  const direct = { ...env, DATABASE_URL: database.url }
  const [evidence, verified, { opened }] = yield* Effect.all(
    [gather(database.admin, exchange, sent, source), runProgram(["verify"], { env: direct }), exchange.state],
    { concurrency: "unbounded" },
  )
  for (const problem of evidence.symbols.flatMap(judge)) journal.problem(problem)
  for (const row of evidence.unaccounted) journal.problem(`the query of docs/guarantees.md gives: ${row}`)
  if (verified.code !== 0) journal.problem(`verify exits ${verified.code}: ${verified.errors.trim()}`)
  const count = Object.values(sent).reduce((sum, { count }) => sum + count, 0)
  if (count < LEAST_SENT) journal.problem(`only ${count} trades were sent, fewer than ${LEAST_SENT}`)
  if (evidence.repaired.ids === 0) journal.problem("no gap was repaired")
  return figuresOf(evidence, count, opened, service.programs.length)
})

const inject = Effect.fnUntraced(function* (schedule: Schedule, stage: Stage) {
  const onExchange = yield* makeInjectExchange
  const onDatabase = yield* makeInjectDatabase
  const onProcess = yield* makeInjectProcess
  yield* Effect.forEach(
    schedule.faults,
    (fault) => {
      const happen =
        fault.side === "exchange"
          ? onExchange(stage, fault)
          : fault.side === "database"
            ? onDatabase(stage, fault)
            : onProcess(stage, fault)
      return Effect.delay(happen, fault.at)
    },
    { concurrency: "unbounded", discard: true },
  )
})

/** Ends the service, and waits until the database has heard of it. */
const stop = Effect.fnUntraced(function* ({ endsWith }: Schedule, { database, journal, service }: Stage) {
  const program = yield* service.program
  const { code, signal } = yield* service.end(program, endsWith)
  if (endsWith === "SIGTERM" && code !== 0) journal.problem(`it ended with ${code ?? signal} after SIGTERM`)
  const backends = `SELECT pid FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'fulltape'`
  yield* eventually("The end of its sessions", database.admin.query(backends), (rows) => rows.length === 0)
})

const figuresOf = ({ repaired, symbols }: Evidence, sent: number, connections: number, processes: number): string => {
  const rows = symbols.reduce((sum, { rows }) => sum + rows.length, 0)
  const unfillable = symbols.flatMap(({ gaps }) => gaps).reduce((sum, { first, last }) => sum + last - first + 1, 0)
  return `${sent} trades sent, ${rows} rows, ${repaired.ids} repaired in ${repaired.gaps} gaps, ${unfillable} unfillable, ${connections} connections, ${processes} processes`
}
