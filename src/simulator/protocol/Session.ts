import { type Socket } from "node:net"
import { type RawData, type WebSocket } from "ws"
import { type Connection } from "./Connection.ts"
import { parseControlMessage } from "./ControlMessage.ts"
import { type Limits } from "./Limits.ts"
import { makeMessageRate } from "./MessageRate.ts"

/** A connection with the conversation around it: control requests, pings, limits and its end. */
export interface Session {
  readonly connection: Connection
  readonly openedAt: number
  /** With a close frame; a client that does not answer it is cut off a second later. */
  readonly close: (code: number, reason: string) => void
  /** Without a close frame, after what was sent already; `reset`: at once, by a TCP reset. */
  readonly cut: (options: { readonly reset: boolean }) => void
  /** Sends the shutdown event. */
  readonly announceShutdown: () => void
  /** From now on the connection ends `lifetime` ms after it was opened; `ended` is called when that ended it. */
  readonly limitLifetime: (lifetime: number, ended?: () => void) => void
}

/** What setTimeout can wait: 24 days. */
const LONGEST_TIMER = 2_147_483_647

const answers = (connection: Connection, text: string, limits: Limits, close: Session["close"]): string => {
  const message = parseControlMessage(text)
  switch (message.kind) {
    case "error":
      return message.answer
    case "subscribe": {
      const streams = new Set([...connection.streams(), ...message.streams])
      if (streams.size > limits.streamsPerConnection) {
        close(1008, "Invalid request")
        return `{"error":{"code":4,"msg":"Too many subscriptions"},"id":${message.id}}`
      }
      connection.subscribe(message.streams)
      return `{"result":null,"id":${message.id}}`
    }
    case "unsubscribe":
      connection.unsubscribe(message.streams)
      return `{"result":null,"id":${message.id}}`
    case "list":
      return `{"result":${JSON.stringify(connection.streams())},"id":${message.id}}`
    case "setCombined":
      connection.setCombined(message.value)
      return `{"result":null,"id":${message.id}}`
    case "getCombined":
      return `{"result":${connection.combined()},"id":${message.id}}`
  }
}

const textOf = (data: RawData): string =>
  (Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data).toString("utf8")

/** Holds the conversation until the socket is gone. Times in ms; `clock` in µs. */
export const makeSession = (
  connection: Connection,
  ws: WebSocket,
  socket: Socket,
  limits: Limits,
  clock: () => number,
): Session => {
  const openedAt = clock()
  const rate = makeMessageRate(limits.messagesPerSecond, 1000)
  const unanswered = new Map<string, number>()
  let lifetime: NodeJS.Timeout | undefined

  const close = (code: number, reason: string): void => {
    setImmediate(() => ws.close(code, reason))
    setTimeout(() => ws.terminate(), 1000).unref()
  }

  const allowed = (): boolean => {
    if (ws.readyState !== ws.OPEN) {
      return false
    }
    const ok = rate.allow(performance.now())
    if (!ok) {
      close(1008, "Too many requests")
    }
    return ok
  }

  ws.on("message", (data) => {
    if (allowed()) {
      connection.sendText(answers(connection, textOf(data), limits, close))
      connection.pump()
    }
  })
  ws.on("ping", (data) => {
    if (allowed()) {
      ws.pong(data)
    }
  })
  ws.on("pong", (data) => {
    if (allowed() && unanswered.has(data.toString())) {
      unanswered.clear()
    }
  })

  const pings = setInterval(() => {
    const [oldest] = unanswered.values()
    if (oldest !== undefined && performance.now() - oldest >= limits.pongTimeout) {
      close(1008, "Pong timeout")
    } else if (connection.pinging() && ws.readyState === ws.OPEN) {
      const payload = String(Math.floor(clock() / 1000))
      unanswered.set(payload, performance.now())
      ws.ping(payload)
    }
  }, limits.pingInterval)

  const limitLifetime: Session["limitLifetime"] = (duration, ended) => {
    clearTimeout(lifetime)
    const left = duration - (clock() - openedAt) / 1000
    lifetime = setTimeout(
      () => {
        if (connection.open()) {
          ended?.()
        }
        close(1001, "")
      },
      Math.min(LONGEST_TIMER, Math.max(0, left)),
    )
  }
  limitLifetime(limits.lifetime)

  ws.on("close", () => {
    clearInterval(pings)
    clearTimeout(lifetime)
  })
  /** `ws` closes by itself; without a listener the error would end the process. */
  ws.on("error", () => undefined)

  return {
    connection,
    openedAt,
    close,
    cut: ({ reset }) => {
      if (reset) {
        socket.resetAndDestroy()
      } else {
        socket.destroySoon()
      }
    },
    announceShutdown: () => {
      const time = connection.micros ? clock() : Math.floor(clock() / 1000)
      connection.sendEvent("!serverShutdown", `{"e":"serverShutdown","E":${time}}`)
    },
    limitLifetime,
  }
}
