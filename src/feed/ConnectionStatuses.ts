import { Clock, Effect } from "effect"
import { monotonicMillis } from "./monotonicMillis.ts"
import type { ConnectionStatus } from "./TradeFeed.ts"

const moment = Effect.map(Clock.Clock, (clock) => ({
  since: clock.currentTimeMillisUnsafe(),
  sinceMonotonic: monotonicMillis(clock),
}))

/** What every connection of a feed is doing; `since` moves only when the state does. */
export class ConnectionStatuses {
  private readonly byName = new Map<string, ConnectionStatus>()

  readonly all: Effect.Effect<ReadonlyArray<ConnectionStatus>> = Effect.sync(() => [...this.byName.values()])

  readonly open = Effect.fnUntraced(
    { self: this },
    function* (name: string, host: string, symbols: ReadonlyArray<string>) {
      const since = yield* moment
      this.byName.set(name, {
        name,
        host,
        symbols,
        state: "connecting",
        ...since,
        disconnectedAt: since.since,
        lastFrameAt: undefined,
        reconnects: 0,
        rotations: 0,
        nextRotationAt: undefined,
        lastLoss: undefined,
      })
    },
  )

  readonly enter = Effect.fnUntraced({ self: this }, function* (name: string, state: ConnectionStatus["state"]) {
    const now = yield* moment
    this.change(name, (status) => {
      if (status.state === state) return status
      const disconnectedAt = state === "connected" ? undefined : (status.disconnectedAt ?? now.since)
      return { ...status, state, ...now, disconnectedAt }
    })
  })

  /** @param nextRotationAt milliseconds since the epoch. */
  readonly connected = (name: string, nextRotationAt: number) =>
    Effect.andThen(
      this.enter(name, "connected"),
      Effect.sync(() => this.change(name, (status) => ({ ...status, nextRotationAt }))),
    )

  /** Another connection took over. */
  readonly rotated = (name: string, nextRotationAt: number) =>
    Effect.sync(() => this.change(name, (status) => ({ ...status, rotations: status.rotations + 1, nextRotationAt })))

  /** Connected still, but what was published around now may not have come: `since` is now. */
  readonly interrupted = Effect.fnUntraced({ self: this }, function* (name: string, why: string) {
    const now = yield* moment
    this.change(name, (status) => ({ ...status, ...now, lastLoss: why }))
  })

  readonly heard = (name: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => this.change(name, (status) => ({ ...status, lastFrameAt: now })))

  /** @param wasOpen whether there had been a connection. */
  readonly lost = (name: string, why: string, wasOpen: boolean) =>
    Effect.andThen(
      this.enter(name, "waiting"),
      Effect.sync(() =>
        this.change(name, (status) => ({
          ...status,
          reconnects: status.reconnects + (wasOpen ? 1 : 0),
          nextRotationAt: undefined,
          lastLoss: why,
        })),
      ),
    )

  private change(name: string, f: (status: ConnectionStatus) => ConnectionStatus) {
    const status = this.byName.get(name)
    if (status !== undefined) this.byName.set(name, f(status))
  }
}
