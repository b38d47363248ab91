import { type Socket } from "node:net"

/** A statement with a batch of trades is longer, whatever else a client says is shorter. */
const BATCH_BYTES = 1_024

/** ReadyForQuery of PostgreSQL's protocol, outside of a transaction: what was asked for is committed. */
const READY_AND_IDLE = Buffer.from("Z\0\0\0\x05I", "latin1")

/** What a tunnel asks about what it carries. */
export interface TunnelRules {
  /** Milliseconds that this answer waits. */
  readonly delay: () => number
  /** Whether the answer that says that a batch is committed never arrives; asked when there is one. */
  readonly losesAnswer: () => boolean
  readonly closed: () => void
}

/** One connection of a client to the server, chunk by chunk and in order. */
export class Tunnel {
  private readonly client: Socket
  private readonly server: Socket
  private readonly rules: TunnelRules
  private readonly waiting: Array<{ readonly at: number; readonly chunk: Buffer }> = []
  private timer: NodeJS.Timeout | undefined
  private carriesBatch = false
  private isOpen = true

  constructor(client: Socket, server: Socket, rules: TunnelRules) {
    this.client = client
    this.server = server
    this.rules = rules
    client.setNoDelay(true).on("data", (chunk) => this.ask(chunk))
    server.setNoDelay(true).on("data", (chunk) => this.answer(chunk))
    for (const socket of [client, server]) {
      socket.on("error", () => this.reset())
      socket.on("close", () => this.reset())
    }
  }

  reset(): void {
    if (!this.isOpen) return
    this.isOpen = false
    clearTimeout(this.timer)
    this.client.resetAndDestroy()
    this.server.resetAndDestroy()
    this.rules.closed()
  }

  private ask(chunk: Buffer): void {
    if (chunk.length >= BATCH_BYTES) this.carriesBatch = true
    this.server.write(chunk)
  }

  private answer(chunk: Buffer): void {
    if (this.carriesBatch && chunk.subarray(-READY_AND_IDLE.length).equals(READY_AND_IDLE)) {
      this.carriesBatch = false
      if (this.rules.losesAnswer()) return this.reset()
    }
    const delay = this.rules.delay()
    if (delay === 0 && this.waiting.length === 0) {
      this.client.write(chunk)
      return
    }
    const after = this.waiting.at(-1)?.at ?? 0
    this.waiting.push({ at: Math.max(after, performance.now() + delay), chunk })
    this.timer ??= setTimeout(() => this.release(), delay)
  }

  /** Passes on what has waited long enough. */
  private release(): void {
    this.timer = undefined
    const now = performance.now()
    let [next] = this.waiting
    while (next !== undefined && next.at <= now + 1) {
      this.client.write(next.chunk)
      this.waiting.shift()
      next = this.waiting[0]
    }
    if (next !== undefined) this.timer = setTimeout(() => this.release(), Math.max(1, next.at - now))
  }
}
