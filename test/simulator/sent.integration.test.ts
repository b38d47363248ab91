import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../fixtures/service/eventually.ts"
import { faulty, happen } from "./faulty.ts"
import { connect } from "./TestClient.ts"

describe("sent trades", () => {
  it.live("are never those that a cut threw away before the operating system took them", () =>
    faulty(
      `[]`,
      (simulator) =>
        Effect.gen(function* () {
          const { ws } = yield* connect(`${simulator.wsUrl}/btcusdt@trade`)
          ws.pause()
          const unsent = Effect.map(simulator.state, ({ connections }) => connections[0]?.unsentBytes ?? 0)
          yield* eventually("a full socket", unsent, (bytes) => bytes > 262_144)
          const counted = Effect.map(simulator.sent, (sent) => sent["BTCUSDT"]?.count ?? 0)
          const before = yield* counted
          assert.isAbove(before, 1_000)
          yield* happen(simulator, `[{"kind":"drop","reset":true}]`)
          yield* eventually("the cut", simulator.state, ({ connections }) => connections.length === 0)
          assert.strictEqual(yield* counted, before)
        }),
      { rate: 60_000 },
    ),
  )
})
