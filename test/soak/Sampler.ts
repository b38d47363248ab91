import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { request } from "../fixtures/service/request.ts"
import { type ServiceProcess } from "../fixtures/service/ServiceProcess.ts"
import { type Query } from "../fixtures/service/TestPostgres.ts"
import { type Sample } from "./Sample.ts"

/** Of `/proc`, on every Linux. */
const TICKS_A_SECOND = 100

/** Longer than a service that lives takes to answer. */
const PATIENCE = "8 seconds"

/** Looks at a running service from outside: at what it answers, at its process and at its database. */
export class Sampler {
  private readonly startedAt = performance.now()
  private readonly service: ServiceProcess
  private readonly query: Query
  private cpu: { readonly at: number; readonly seconds: number }

  constructor(service: ServiceProcess, query: Query) {
    this.service = service
    this.query = query
    this.cpu = { at: this.startedAt, seconds: cpuSecondsOf(service.program.pid) }
  }

  /** What could not be asked for is NaN; it never fails. */
  get sample(): Effect.Effect<Sample> {
    return Effect.gen({ self: this }, function* () {
      const [told, databaseBytes] = yield* Effect.all([this.metrics, this.databaseBytes], { concurrency: "unbounded" })
      const at = performance.now()
      const seconds = cpuSecondsOf(this.service.program.pid)
      const cpuPercent = ((seconds - this.cpu.seconds) / (at - this.cpu.at)) * 100_000
      this.cpu = { at, seconds }
      return {
        seconds: (at - this.startedAt) / 1000,
        rssBytes: told("resident_memory_bytes"),
        heapBytes: told("heap_used_bytes"),
        cpuPercent,
        storedTrades: told("trades_stored_total") + told("trades_repaired_total"),
        oldestUncommittedSeconds: told("oldest_uncommitted_seconds"),
        eventLoopDelaySeconds: told("event_loop_delay_seconds"),
        databaseBytes,
      }
    })
  }

  /** The most that was resident at any moment, in bytes; NaN where the system does not tell. */
  get peakBytes(): Effect.Effect<number> {
    return Effect.sync(() => peakBytesOf(this.service.program.pid))
  }

  private get metrics(): Effect.Effect<(name: string) => number> {
    return request(`${this.service.origin}/metrics`, { headers: { accept: "text/plain" } }).pipe(
      Effect.map(({ text }) => text),
      Effect.timeout(PATIENCE),
      Effect.catchCause(() => Effect.succeed("")),
      Effect.map((text) => (name) => Number(new RegExp(`^fulltape_${name} (\\S+)$`, "m").exec(text)?.[1])),
    )
  }

  private get databaseBytes(): Effect.Effect<number> {
    return this.query("SELECT pg_database_size(current_database()) AS bytes").pipe(
      Effect.timeout(PATIENCE),
      Effect.map(([row]) => Number(row?.["bytes"])),
      Effect.catchCause(() => Effect.succeed(Number.NaN)),
    )
  }
}

const peakBytesOf = (pid: number): number => {
  try {
    const [, kilobytes = ""] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return kilobytes === "" ? Number.NaN : Number(kilobytes) * 1024
  } catch {
    return Number.NaN
  }
}

/** That a process has used, in user and in kernel mode; NaN where the system does not tell. */
const cpuSecondsOf = (pid: number): number => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
  } catch {
    return Number.NaN
  }
}
