import { type Socket } from "node:net"
import { type WebSocket } from "ws"
import { type Channel } from "../source/MarketSource.ts"
import { type Cursor, makeCursor } from "./Cursor.ts"
import { type ExchangeClock } from "./ExchangeClock.ts"
import { binaryString, textFrame } from "./frame.ts"
import { type Outlet } from "./Outlet.ts"
import { type StreamRequest } from "./StreamPath.ts"

/** A connection whose socket holds this many unsent bytes gets nothing more until they are gone. */
const MAX_UNSENT = 262_144

/** What a connection needs of the exchange that it belongs to. */
export interface ConnectionHost {
  readonly clock: ExchangeClock
  /** Undefined for a stream that does not exist. */
  readonly outlet: (stream: string) => Outlet | undefined
  /** The operating system took these events' bytes. */
  readonly sent: (channel: Channel, first: number, last: number) => void
}

/** The sending half of one client connection. */
export interface Connection {
  readonly id: number
  readonly micros: boolean
  /** Whether it can still be sent anything. */
  readonly open: () => boolean
  readonly combined: () => boolean
  readonly setCombined: (combined: boolean) => void
  readonly streams: () => ReadonlyArray<string>
  readonly subscribe: (streams: ReadonlyArray<string>) => void
  readonly unsubscribe: (streams: ReadonlyArray<string>) => void
  readonly cursors: () => ReadonlyArray<Cursor>
  /** Sends what has become public since the last time, as far as the client keeps up. */
  readonly pump: () => void
  /** Sends a text frame as it is: acknowledgements, errors, malformed frames. */
  readonly sendText: (text: string) => void
  /** Sends JSON as an event of a stream, wrapped where the connection is combined. */
  readonly sendEvent: (stream: string, json: string) => void
  /** Sends bytes that need not be a frame. */
  readonly sendBytes: (bytes: Buffer) => void
  /** Sends no event for `duration` ms; pings are left to `pinging`. */
  readonly silence: (duration: number, options: { readonly pings: boolean; readonly lose: boolean }) => void
  readonly pinging: () => boolean
  /** Bytes handed over, but not yet taken by the operating system. */
  readonly unsent: () => number
}

/** Starts sending the streams that the handshake asked for. */
export const makeConnection = (
  id: number,
  ws: WebSocket,
  socket: Socket,
  request: StreamRequest,
  host: ConnectionHost,
): Connection => {
  const cursors = new Map<string, Cursor>()
  /** Whose turn it is, so that a client that reads slowly gets all its streams. */
  let turn: ReadonlyArray<Cursor> = []
  let nextTurn = 0
  let combined = request.combined
  let blocked = false
  let silence = { until: 0, pings: true, lose: false }

  const open = (): boolean => ws.readyState === ws.OPEN && socket.writable

  const subscribe = (streams: ReadonlyArray<string>): void => {
    const now = host.clock()
    for (const stream of streams) {
      if (!cursors.has(stream)) {
        cursors.set(stream, makeCursor(stream, host.outlet(stream), now))
      }
    }
    turn = [...cursors.values()]
  }

  const silent = (now: number): boolean => {
    if (now < silence.until) {
      return true
    }
    if (silence.lose) {
      cursors.forEach((cursor) => cursor.forgo(now))
      silence = { until: 0, pings: true, lose: false }
    }
    return false
  }

  const write = (outlet: Outlet, first: number, last: number): void => {
    socket.write(outlet.frames(first, last, { combined, micros: request.micros }), (error) => {
      /** Node 20 knows of no error where a destroyed socket threw bytes away. */
      if ((error === undefined || error === null) && !socket.destroyed) {
        host.sent(outlet.channel, first, last)
      }
    })
  }

  /** Writes what a stream has for one turn; false when it has nothing. */
  const give = ({ outlet, take }: Cursor, now: number): boolean => {
    const events = outlet === undefined ? undefined : take(now)
    if (outlet === undefined || events === undefined) {
      return false
    }
    if (events.reversed) {
      for (let position = events.last; position >= events.first; position--) {
        write(outlet, position, position)
      }
    } else {
      write(outlet, events.first, events.last)
    }
    return true
  }

  /** One turn of every stream, as long as the socket takes it; false when none had anything. */
  const round = (now: number): boolean => {
    let any = false
    for (let given = 0; given < turn.length && socket.writableLength <= MAX_UNSENT; given++) {
      const cursor = turn[nextTurn % turn.length]
      nextTurn = (nextTurn + 1) % turn.length
      any = (cursor !== undefined && give(cursor, now)) || any
    }
    return any
  }

  const pump = (): void => {
    const now = host.clock()
    let more = !blocked && open() && !silent(now)
    while (more) {
      socket.cork()
      more = round(now)
      socket.uncork()
      if (socket.writableLength > MAX_UNSENT) {
        blocked = true
        more = false
        socket.once("drain", () => {
          blocked = false
          pump()
        })
      }
    }
  }

  const sendBytes = (bytes: Buffer): void => {
    if (open()) {
      socket.write(bytes)
    }
  }
  const sendText = (text: string): void => sendBytes(Buffer.from(textFrame(binaryString(text)), "latin1"))

  subscribe(request.streams)
  return {
    id,
    micros: request.micros,
    open,
    combined: () => combined,
    setCombined: (value) => {
      combined = value
    },
    streams: () => [...cursors.keys()],
    subscribe,
    unsubscribe: (streams) => {
      streams.forEach((stream) => cursors.delete(stream))
      turn = [...cursors.values()]
    },
    cursors: () => [...cursors.values()],
    pump,
    sendText,
    sendEvent: (stream, json) => sendText(combined ? `{"stream":${JSON.stringify(stream)},"data":${json}}` : json),
    sendBytes,
    silence: (duration, { lose, pings }) => {
      silence = { until: host.clock() + duration * 1000, pings, lose }
    },
    pinging: () => silence.pings || host.clock() >= silence.until,
    unsent: () => socket.writableLength,
  }
}
