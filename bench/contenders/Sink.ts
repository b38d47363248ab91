import pg from "pg"

/** Waiting trades beyond which the owner is asked to hold back, or loses what comes. */
const MOST_WAITING = 200_000
/** Waiting trades below which it may go on. */
const FEW_WAITING = 50_000
const MOST_IN_FLIGHT = 2

const insert = {
  name: "insert",
  text: `
    INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id)
    SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price, quantity, side, id
    FROM unnest($1::text[], $2::int8[], $3::int8[], $4::numeric[], $5::numeric[], $6::text[])
      AS trade (symbol, id, time_us, price, quantity, side)
    ON CONFLICT DO NOTHING`,
}

/** What waits together for one insert, column by column. */
interface Batch {
  readonly symbols: Array<string>
  readonly ids: Array<number | string>
  readonly times: Array<number>
  readonly prices: Array<string>
  readonly quantities: Array<string>
  readonly sides: Array<string>
}

const emptyBatch = (): Batch => ({ symbols: [], ids: [], times: [], prices: [], quantities: [], sides: [] })

export interface SinkOptions {
  readonly databaseUrl: string
  readonly batchSize: number
  /** Milliseconds that a trade waits for its batch at most. */
  readonly batchTimeout: number
  /** Stops and restarts the source; without them what comes while too much waits is dropped. */
  readonly hold?: { readonly stop: () => void; readonly goOn: () => void }
}

/** What one would write by hand: a batch by size or age, one prepared insert, two of them in flight, a bound, and no guarantee. */
export class Sink {
  dropped = 0
  private open = emptyBatch()
  private waiting: Array<Batch> = []
  private trades = 0
  private held = false
  private inFlight = 0
  private timer: NodeJS.Timeout | undefined
  private ended: (() => void) | undefined
  private readonly pool: pg.Pool
  private readonly options: SinkOptions

  constructor(options: SinkOptions) {
    this.options = options
    this.pool = new pg.Pool({ connectionString: options.databaseUrl, max: MOST_IN_FLIGHT })
  }

  readonly add = (symbol: string, id: number | string, time: number, price: string, quantity: string, side: string) => {
    if (this.trades >= MOST_WAITING) {
      if (this.options.hold === undefined) {
        this.dropped++
        return
      }
      if (!this.held) {
        this.held = true
        this.options.hold.stop()
      }
    }
    const { open } = this
    open.symbols.push(symbol)
    open.ids.push(id)
    open.times.push(time)
    open.prices.push(price)
    open.quantities.push(quantity)
    open.sides.push(side)
    this.trades++
    if (open.ids.length >= this.options.batchSize) this.close()
    else this.timer ??= setTimeout(this.close, this.options.batchTimeout)
  }

  /** Writes what waits, then resolves. */
  readonly end = async (): Promise<void> => {
    const done = new Promise<void>((resolve) => (this.ended = resolve))
    this.close()
    await done
    await this.pool.end()
  }

  private readonly close = (): void => {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.open.ids.length > 0) {
      this.waiting.push(this.open)
      this.open = emptyBatch()
    }
    this.write()
  }

  private readonly write = (): void => {
    while (this.inFlight < MOST_IN_FLIGHT) {
      const batch = this.waiting.shift()
      if (batch === undefined) break
      this.inFlight++
      const { ids, prices, quantities, sides, symbols, times } = batch
      const values = [symbols, ids, times, prices, quantities, sides]
      this.pool.query({ ...insert, values }).then(() => this.written(ids.length), failed)
    }
    if (this.inFlight === 0) this.ended?.()
  }

  private readonly written = (count: number): void => {
    this.inFlight--
    this.trades -= count
    if (this.held && this.trades <= FEW_WAITING) {
      this.held = false
      this.options.hold?.goOn()
    }
    this.write()
  }
}

const failed = (error: unknown): void => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
