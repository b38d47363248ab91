import { Array, Cause, Context, Duration, Effect, Layer, type Scope } from "effect"
import { type IncomingMessage } from "node:http"
import { type RawData, WebSocket } from "ws"
import { counted } from "../../telemetry/counted.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import { isUntrusted, untrusted } from "../certificate.ts"
import { ConnectionLost, type LossReason } from "../ConnectionLost.ts"

/** One text frame, in UTF-8, and when it was read, in milliseconds of the monotonic clock. */
export interface Frame {
  readonly bytes: Buffer
  readonly receivedAt: number
}

/** An accepted connection. */
export interface OpenSocket {
  /** All frames that are waiting, at least one; fails once the connection is gone, or finished, and its last frame was taken. */
  readonly take: Effect.Effect<Array.NonEmptyReadonlyArray<Frame>, ConnectionLost | Cause.Done>
  /** Reads no more frames than those that are waiting. */
  readonly finish: Effect.Effect<void>
  readonly send: (text: string) => Effect.Effect<void>
}

/** The exchange pings every 20 s; without a frame or a ping for this long the link is dead. */
const SILENCE = Duration.seconds(45)

/**
 * When this many frames wait, or so much in them, the socket is not read: TCP makes the exchange wait. More of them would only be moved
 * around by each garbage collection; the system holds them as well.
 */
const MOST_WAITING = { frames: 1_024, bytes: 8 * 1024 * 1024 } as const

/** Three hundred times a trade: a longer frame ends the connection before it is read. */
const MOST_FRAME_BYTES = 64 * 1024

const HANDSHAKE_TIMEOUT = Duration.seconds(10)

/** How connections to the exchange are made, and the seam at which tests put an exchange without a network. */
export class BinanceSocket extends Context.Service<
  BinanceSocket,
  { open(url: string): Effect.Effect<OpenSocket, ConnectionLost, Scope.Scope> }
>()("fulltape/feed/binance/BinanceSocket") {
  /** Over `ws`, which shows pings and the HTTP status of a refused handshake, and can be paused. */
  static readonly layer = Layer.effect(
    BinanceSocket,
    Effect.map(counted(Metrics.waitingFrames), (count) =>
      BinanceSocket.of({
        open: (url) =>
          Effect.acquireRelease(
            Effect.sync(() => new Connection(url, count)),
            (connection) => Effect.sync(() => connection.close()),
          ).pipe(
            Effect.tap((connection) => connection.opened),
            Effect.tap((connection) => Effect.forkScoped(connection.endWhenSilent)),
            Effect.map((connection) => ({
              take: connection.take,
              finish: Effect.sync(() => connection.finish()),
              send: (text) => Effect.sync(() => connection.send(text)),
            })),
          ),
      }),
    ),
  )
}

class Connection {
  private readonly ws: WebSocket
  private readonly host: string
  private waiting: globalThis.Array<Frame> = []
  private waitingBytes = 0
  private lost: ConnectionLost | undefined
  private accepted = false
  private finished = false
  private wake: (() => void) | undefined
  private heardAt = performance.now()
  /** Undefined: it is read. */
  private pausedAt: number | undefined
  /** The longest that it was not read lately, in ms. */
  private unread = 0
  /** A little later than it is read again: a close that the exchange sent meanwhile is read only then. */
  private readonly forgetting = setTimeout(() => {
    if (this.pausedAt === undefined) this.unread = 0
  }, 2_000).unref()

  private readonly count: (change: number) => void

  /** @param count is told how the number of waiting frames changes. */
  constructor(url: string, count: (change: number) => void) {
    this.count = count
    this.host = new URL(url).host
    this.ws = new WebSocket(url, {
      handshakeTimeout: Duration.toMillis(HANDSHAKE_TIMEOUT),
      perMessageDeflate: false,
      maxPayload: MOST_FRAME_BYTES,
      // A frame that is not UTF-8 is one bad frame, not a reason to lose the connection.
      skipUTF8Validation: true,
    })
    this.ws.on("open", () => {
      this.accepted = true
      this.notify()
    })
    this.ws.on("message", (data) => this.receive(bytesOf(data)))
    this.ws.on("ping", () => (this.heardAt = performance.now()))
    this.ws.on("unexpected-response", (request, response) => this.refused(request, response))
    this.ws.on("error", (error) =>
      this.lose({ _tag: this.accepted ? "Broken" : "Unreachable", detail: describe(error) }),
    )
    this.ws.on("close", (code, reason) =>
      this.lose({
        _tag: "Closed",
        code,
        detail: reason.toString(),
        unreadSeconds: Math.max(this.unread, this.unreadSince()) / 1000,
      }),
    )
  }

  readonly opened: Effect.Effect<void, ConnectionLost> = Effect.suspend(() => {
    if (this.lost !== undefined) return Effect.fail(this.lost)
    if (this.accepted) return Effect.void
    return Effect.andThen(
      this.until(() => this.accepted),
      this.opened,
    )
  })

  readonly take: OpenSocket["take"] = Effect.suspend(() => {
    const frames = this.drain()
    if (Array.isReadonlyArrayNonEmpty(frames)) return Effect.succeed(frames)
    if (this.finished) return Cause.done()
    if (this.lost !== undefined) return Effect.fail(this.lost)
    return Effect.andThen(this.arrival, this.take)
  })

  private readonly arrival = this.until(() => this.waiting.length > 0 || this.finished)

  /** Waits for the event after which it is so, or the loss; what happened since the last look wakes nobody any more. */
  private until(isSo: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (isSo() || this.lost !== undefined) return resume(Effect.void)
      this.wake = () => resume(Effect.void)
      return Effect.sync(() => (this.wake = undefined))
    })
  }

  /** Loses the connection once it was silent for too long; one that is not read is not heard, and that is not its fault. */
  readonly endWhenSilent: Effect.Effect<void> = Effect.suspend(() => {
    const unheard = this.pausedAt === undefined ? performance.now() - this.heardAt : 0
    const left = Duration.toMillis(SILENCE) - unheard
    if (left > 0) return Effect.andThen(Effect.sleep(left), this.endWhenSilent)
    this.lose({ _tag: "Silent", seconds: Math.round(unheard / 1000) })
    return Effect.void
  })

  send(text: string) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(text)
  }

  close() {
    this.lost ??= new ConnectionLost({
      host: this.host,
      reason: { _tag: "Closed", code: 1000, detail: "", unreadSeconds: 0 },
    })
    this.finished = true
    this.count(-this.waiting.length)
    this.waiting = []
    // A paused socket would never see the answer to its own close frame.
    if (this.ws.isPaused) this.ws.resume()
    this.ws.close(1000)
    setTimeout(() => this.ws.terminate(), 1000).unref()
  }

  private readonly notify = (): void => {
    const wake = this.wake
    this.wake = undefined
    wake?.()
  }

  finish() {
    this.finished = true
    this.notify()
  }

  private receive(bytes: Buffer) {
    if (this.finished) return
    this.heardAt = performance.now()
    this.waiting.push({ bytes, receivedAt: this.heardAt })
    this.waitingBytes += bytes.length
    this.count(1)
    const full = this.waiting.length >= MOST_WAITING.frames || this.waitingBytes >= MOST_WAITING.bytes
    if (full && this.pausedAt === undefined) {
      this.pausedAt = this.heardAt
      this.ws.pause()
    }
    // Once the whole read is through: its frames are taken together.
    if (this.waiting.length === 1) queueMicrotask(this.notify)
  }

  private drain(): ReadonlyArray<Frame> {
    const frames = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    this.count(-frames.length)
    if (this.pausedAt !== undefined) {
      this.unread = Math.max(this.unread, this.unreadSince())
      this.pausedAt = undefined
      this.forgetting.refresh()
      this.ws.resume()
      this.heardAt = performance.now()
    }
    return frames
  }

  private unreadSince(): number {
    return this.pausedAt === undefined ? 0 : performance.now() - this.pausedAt
  }

  private refused(request: { destroy(): void }, response: IncomingMessage) {
    this.lose({ _tag: "Refused", status: response.statusCode ?? 0, detail: response.statusMessage ?? "" })
    response.resume()
    request.destroy()
  }

  private lose(reason: LossReason) {
    this.lost ??= new ConnectionLost({ host: this.host, reason })
    this.notify()
  }
}

/** Frames come as one `Buffer`, unless another `binaryType` is asked for. */
const bytesOf = (data: RawData): Buffer =>
  Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)

/** Node reports a refused dual-stack connection as an AggregateError without a message. */
const describe = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined
  const detail = error.message !== "" ? error.message : (code ?? error.name)
  return isUntrusted(code) ? untrusted(detail) : detail
}
