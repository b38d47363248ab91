/** What was seen of the service at one moment. NaN: it could not be told. */
export interface Sample {
  /** Since the run began. */
  readonly seconds: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** Of one core, since the sample before. */
  readonly cpuPercent: number
  /** Since the service started. */
  readonly storedTrades: number
  readonly oldestUncommittedSeconds: number
  readonly eventLoopDelaySeconds: number
  readonly databaseBytes: number
}

const columns = {
  seconds: 1,
  rssBytes: 0,
  heapBytes: 0,
  cpuPercent: 1,
  storedTrades: 0,
  oldestUncommittedSeconds: 3,
  eventLoopDelaySeconds: 4,
  databaseBytes: 0,
} as const satisfies Record<keyof Sample, number>

const names: ReadonlyArray<keyof Sample> = [
  "seconds",
  "rssBytes",
  "heapBytes",
  "cpuPercent",
  "storedTrades",
  "oldestUncommittedSeconds",
  "eventLoopDelaySeconds",
  "databaseBytes",
]

/** The head of the table, with a line end. */
export const csvHead = `${names.join(",")}\n`

/** One row of the table, with a line end; what could not be told is an empty cell. */
export const csvRow = (sample: Sample): string =>
  `${names.map((name) => (Number.isFinite(sample[name]) ? sample[name].toFixed(columns[name]) : "")).join(",")}\n`
