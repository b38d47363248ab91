import { Effect, Semaphore } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"
import { Tunnel } from "./Tunnel.ts"

/** What a proxy did to whom. */
export interface ProxyCounts {
  delayed: number
  cut: number
  refused: number
  lost: number
}

/** A way to a database server on which faults can be made. Without one it passes everything on. */
export class DatabaseProxy {
  readonly counts: ProxyCounts = { delayed: 0, cut: 0, refused: 0, lost: 0 }
  /** Milliseconds that each answer waits. */
  delay = 0
  /** Nobody is let in, and who is in is thrown out. */
  private refusing = false
  /** The next statement of some size that is committed gets no answer. */
  private losing = false
  /** For a fault that lasts. */
  readonly oneAtATime = Semaphore.makeUnsafe(1).withPermit
  private readonly tunnels = new Set<Tunnel>()
  private readonly server: Server

  constructor(target: { readonly host: string; readonly port: number }) {
    this.server = createServer((client) => {
      if (this.refusing) {
        this.counts.refused += 1
        client.resetAndDestroy()
        return
      }
      this.open(client, connect(target))
    })
  }

  /** Listens on loopback while the scope is open. */
  static readonly make = (target: { readonly host: string; readonly port: number }) =>
    Effect.acquireRelease(
      Effect.sync(() => new DatabaseProxy(target)),
      (proxy) => Effect.sync(() => proxy.close()),
    ).pipe(
      Effect.flatMap((proxy) =>
        Effect.callback<{ readonly proxy: DatabaseProxy; readonly port: number }>((resume) => {
          proxy.server.listen(0, "127.0.0.1", () => {
            const address = proxy.server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resume(Effect.succeed({ proxy, port }))
          })
        }),
      ),
    )

  get connections(): number {
    return this.tunnels.size
  }

  /** Resets every connection. */
  cut(): void {
    this.counts.cut += this.tunnels.size
    for (const tunnel of this.tunnels) tunnel.reset()
  }

  refuse(refusing: boolean): void {
    this.refusing = refusing
    if (refusing) this.cut()
  }

  /** Until it happened once, or until it is called off. */
  loseAnswer(losing: boolean): void {
    this.losing = losing
  }

  private open(client: Socket, server: Socket): void {
    const tunnel = new Tunnel(client, server, {
      delay: () => {
        if (this.delay > 0) this.counts.delayed += 1
        return this.delay
      },
      losesAnswer: () => {
        const loses = this.losing
        if (loses) this.counts.lost += 1
        this.losing = false
        return loses
      },
      closed: () => this.tunnels.delete(tunnel),
    })
    this.tunnels.add(tunnel)
  }

  private close(): void {
    for (const tunnel of this.tunnels) tunnel.reset()
    this.server.close()
  }
}
