import { drawDatabaseFault, isAway } from "./databaseFaults.ts"
import {
  allKinds,
  type DatabaseKind,
  type Kind,
  kinds,
  type ProcessKind,
  type RestKind,
  type StreamKind,
} from "./Kind.ts"
import { type DatabaseFault, type ExchangeFault, type PlannedFault, type ProcessFault } from "./PlannedFault.ts"
import { drawProcessFault } from "./processFaults.ts"
import { Random } from "./Random.ts"
import { drawRestFault } from "./restFaults.ts"
import { drawStreamFault } from "./streamFaults.ts"

/** Repair backs off and commits wait longer after each failure, so more of it would not be over in time. Milliseconds. */
export const MOST_AWAY = { database: 2_400, rest: 2_000 } as const

/** What happens in one run, all of it. */
export interface Schedule {
  readonly seed: number
  readonly market: {
    readonly symbols: ReadonlyArray<string>
    /** Trades a second, of all symbols. */
    readonly rate: number
    /** undefined: each symbol's own, beyond 32 bits. */
    readonly startId: number | undefined
  }
  /** Variables of the service. */
  readonly settings: Readonly<Record<string, string>>
  /** In the order in which they begin. */
  readonly faults: ReadonlyArray<PlannedFault>
  /** How the service ends, once it has caught up. */
  readonly endsWith: "SIGKILL" | "SIGTERM"
}

/** The same seed and choice of kinds give the same schedule. At least one of its faults leaves a gap. */
export const makeSchedule = (seed: number, among: ReadonlyArray<Kind> = allKinds): Schedule => {
  const random = new Random(seed)
  const market = {
    symbols: random.sample(["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT"], random.between(2, 3)),
    rate: random.between(2_400, 3_600),
    startId: random.chance(0.5) ? undefined : random.between(0, 1_000),
  }
  const settings = {
    BATCH_SIZE: random.pick(["20", "100", "100", "500"]),
    BATCH_TIMEOUT: String(random.between(100, 300)),
    SPILL_MAX_MB: random.pick(["1", "1024"]),
  }
  const everySide = Object.values(kinds).every((side) => side.some((kind) => among.includes(kind)))
  /** Where a person chose some sides, each of them has something to do. */
  const choose = <K extends Kind>(all: ReadonlyArray<K>, count: number): ReadonlyArray<K> =>
    random.sample(
      all.filter((kind) => among.includes(kind)),
      everySide ? count : Math.max(1, count),
    )
  const faults = compatible([
    ...streams(choose(kinds.stream, random.between(3, 6)), random, market.symbols),
    ...rest(choose(kinds.rest, random.between(0, 2)), random, market.symbols),
    ...database(choose(kinds.database, random.pick([0, 1, 1, 1, 2, 2])), random),
    ...processes(choose(kinds.process, random.pick([0, 0, 1, 1, 1, 2])), random),
  ])
  const complete = [...faults, ...(leavesGap(faults) ? [] : [skipOfAll(random)])]
  const isLifeLimited = faults.some(({ kind }) => kind === "lifetime")
  // A connection that is replaced sooner does not live to see its end.
  const rotation = isLifeLimited ? "1 hour" : `${random.between(2, 4)} seconds`
  return {
    seed,
    market,
    settings: { ...settings, ROTATE_AFTER: rotation },
    faults: complete.map((fault) => (isLifeLimited ? sooner(fault) : fault)).sort((a, b) => a.at - b.at),
    endsWith: random.pick(["SIGTERM", "SIGTERM", "SIGKILL"]),
  }
}

/** Whether ids are missing after one of them, for certain, and may be had. */
export const leavesGap = (faults: ReadonlyArray<PlannedFault>): boolean => {
  const floored = new Set(faults.flatMap((fault) => (fault.kind === "restFloor" ? [symbolOf(fault)] : [])))
  return faults.some(
    (fault) =>
      (alwaysLeavesGap.has(fault.kind) || (fault.side === "exchange" && fault.bait !== undefined)) &&
      (symbolOf(fault) === undefined || !floored.has(symbolOf(fault))),
  )
}

const alwaysLeavesGap: ReadonlySet<Kind> = new Set(["drop", "close", "skip", "kill"])

const symbolOf = (planned: PlannedFault): string | undefined => {
  if (planned.side !== "exchange") return undefined
  const { bait, fault } = planned
  return bait !== undefined && "symbol" in bait ? bait.symbol : "symbol" in fault ? fault.symbol : undefined
}

const skipOfAll = (random: Random): ExchangeFault => ({
  side: "exchange",
  kind: "skip",
  at: random.between(1_000, 4_000),
  lasts: 0,
  fault: { kind: "skip", ids: random.between(1, 40) },
})

/** Leaves time at the end, in which a connection may grow as old as it may. */
const sooner = <Fault extends PlannedFault>(fault: Fault): Fault =>
  breaksConnection.has(fault.kind) ? { ...fault, at: Math.round(fault.at * 0.45) } : fault

const breaksConnection: ReadonlySet<Kind> = new Set(["drop", "close", "refuse", "serverShutdown", "kill"])

const streams = (chosen: ReadonlyArray<StreamKind>, random: Random, symbols: ReadonlyArray<string>) =>
  chosen.flatMap((kind): ReadonlyArray<ExchangeFault> => {
    const times = kind === "lifetime" || kind === "refuse" ? 1 : random.pick([1, 1, 2])
    return Array.from({ length: times }, () => drawStreamFault(kind, random, symbols))
  })

const rest = (chosen: ReadonlyArray<RestKind>, random: Random, symbols: ReadonlyArray<string>) =>
  chosen.map((kind) => drawRestFault(kind, random, symbols, MOST_AWAY.rest / chosen.length))

const database = (chosen: ReadonlyArray<DatabaseKind>, random: Random): ReadonlyArray<DatabaseFault> => {
  const away = chosen.filter(isAway).length
  return chosen.map((kind) => drawDatabaseFault(kind, random, Math.min(1_800, MOST_AWAY.database / away)))
}

const processes = (chosen: ReadonlyArray<ProcessKind>, random: Random) =>
  chosen.flatMap((kind): ReadonlyArray<ProcessFault> => {
    const times = kind === "kill" ? random.pick([1, 1, 1, 2, 2, 3]) : 1
    return Array.from({ length: times }, () => drawProcessFault(kind, random))
  })

/** Leaves out what another fault would make meaningless, or too long. */
const compatible = (faults: ReadonlyArray<PlannedFault>): ReadonlyArray<PlannedFault> => {
  const has = (kind: Kind) => faults.some((fault) => fault.kind === kind)
  return faults.filter(
    (fault) =>
      // What another instance has stored meanwhile may be later than a trade of the past that only seems to be new.
      !(fault.kind === "regress" && has("secondInstance")) &&
      // The disk is full while the database is away, for as long as it may be.
      !(fault.side === "database" && isAway(fault.kind) && has("diskFull")),
  )
}
