import { Array, Duration, Effect, Metric } from "effect"
import type { Trade } from "../../market/Trade.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import { makeRateLimited } from "../../telemetry/rateLimited.ts"
import { type BinanceMessage, readMessage } from "./BinanceMessage.ts"
import type { Frame, OpenSocket } from "./BinanceSocket.ts"
import { subscribeRequests } from "./subscription.ts"
import { TradeFrameReader } from "./TradeFrameReader.ts"

/** 5 control messages a second are allowed, pongs included. */
const BETWEEN_REQUESTS = Duration.millis(350)

/** An acknowledgement takes milliseconds; after this long its absence is worth a line, and a connection that was to replace another is given up. */
export const ANSWER_TIMEOUT = Duration.seconds(10)

type Notice = Exclude<BinanceMessage, { kind: "trade" }>

/** Told of what an exchange says beside its trades. */
export interface ConnectionListener {
  /** Every request was acknowledged, which happens once. */
  readonly acknowledged: Effect.Effect<unknown>
  /** The exchange is about to close this connection; it may say so more than once. */
  readonly shutdown: Effect.Effect<unknown>
}

/**
 * Subscribes an open socket to the trades of the symbols, and gives the effect that waits for the next of them, at least one,
 * in the order of their frames. Every other frame is counted and logged, and ends nothing.
 */
export const subscribe = Effect.fnUntraced(function* (
  socket: OpenSocket,
  symbols: ReadonlyArray<string>,
  listener: ConnectionListener,
) {
  const context = yield* Effect.context()
  const wanted = new Set(symbols)
  const reader = new TradeFrameReader(symbols)
  const requests = subscribeRequests(symbols)
  const unanswered = new Set(requests.map((_, index) => index + 1))
  const refusals = yield* makeRateLimited("10 seconds")
  const foreignEvents = yield* makeRateLimited("10 seconds")
  const malformedFrames = yield* makeRateLimited("10 seconds")

  yield* Effect.forEach(requests, (request) => Effect.andThen(socket.send(request), Effect.sleep(BETWEEN_REQUESTS)), {
    discard: true,
  }).pipe(
    Effect.andThen(Effect.sleep(ANSWER_TIMEOUT)),
    Effect.andThen(Effect.suspend(() => (unanswered.size === 0 ? Effect.void : warnUnanswered(unanswered.size)))),
    Effect.forkScoped,
  )

  const notice = (message: Notice) => {
    switch (message.kind) {
      case "acknowledged":
        return typeof message.id === "number" && unanswered.delete(message.id) && unanswered.size === 0
          ? Effect.andThen(Effect.logDebug("Subscription acknowledged"), listener.acknowledged)
          : Effect.void
      case "refused":
        return refusals(Effect.logWarning(`The exchange refused a request (${message.code}): ${message.text}`))
      case "shutdown":
        return listener.shutdown
      case "foreign":
        return foreignEvents(Effect.logInfo(`Ignored an event of another kind: ${message.event.slice(0, 100)}`))
      case "malformed":
        return malformedFrames(Effect.logWarning(`Ignored a malformed frame: ${message.problem.slice(0, 200)}`))
    }
  }

  const read = (frames: ReadonlyArray<Frame>) => {
    const trades: globalThis.Array<Trade> = []
    const notices: globalThis.Array<Notice> = []
    for (const { bytes, receivedAt } of frames) {
      const trade = reader.read(bytes, receivedAt)
      if (trade !== undefined) {
        trades.push(trade)
        continue
      }
      const message = readMessage(bytes.toString(), receivedAt)
      if (message.kind !== "trade") notices.push(message)
      else if (wanted.has(message.trade.symbol)) trades.push(message.trade)
      else notices.push({ kind: "foreign", event: `trade of ${message.trade.symbol}` })
    }
    return { trades, notices }
  }

  return Effect.gen(function* () {
    while (true) {
      const { trades, notices } = read(yield* socket.take)
      for (const message of notices) {
        yield* Metric.update(Metrics.frames[message.kind], 1)
        yield* notice(message)
      }
      if (Array.isArrayNonEmpty(trades)) {
        Metrics.frames.trade.updateUnsafe(trades.length, context)
        Metrics.tradesReceived.updateUnsafe(trades.length, context)
        return trades
      }
    }
  })
})

const warnUnanswered = (count: number) =>
  Effect.logWarning(
    `The exchange left ${count} subscription ${count === 1 ? "request" : "requests"} unanswered for ${Duration.format(ANSWER_TIMEOUT)}`,
  )
