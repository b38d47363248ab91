import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import fc from "fast-check"
import { existsSync } from "node:fs"
import * as path from "node:path"
import type { Spill } from "../../src/ingest/Spill.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"
import { drain, idsBelow, openSpill, tradesFrom } from "../fixtures/spill.ts"

type Command =
  | { readonly do: "append"; readonly count: number }
  | { readonly do: "take"; readonly most: number }
  | { readonly do: "peek"; readonly most: number }
  | { readonly do: "reopen" }

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 300 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("take" as const), most: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("peek" as const), most: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
)

/** How many of the oldest batches are together at most `most` trades, but one at least. */
const fitting = (model: ReadonlyArray<ReadonlyArray<number>>, most: number): number => {
  let [count, trades] = [0, 0]
  for (const batch of model) {
    if (count > 0 && trades + batch.length > most) break
    trades += batch.length
    count++
  }
  return count
}

describe("Spill", () => {
  it.live("is a queue, as a model of it, whatever is done in whatever order", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 25 }), (commands) =>
          Effect.runPromise(Effect.scoped(followModel(commands))),
        ),
        { numRuns: 25 },
      ),
    ),
  )
})

const followModel = (commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const model: Array<ReadonlyArray<number>> = []
    let next = 0
    let scope = yield* Scope.make()
    let spill: Spill["Service"] = yield* Scope.provide(openSpill(folder), scope)
    for (const command of commands) {
      if (command.do === "append") {
        yield* spill.append(tradesFrom(next, command.count))
        model.push(idsBelow(command.count).map((id) => id + next))
        next += command.count
      } else if (command.do === "reopen") {
        yield* Scope.close(scope, Exit.void)
        scope = yield* Scope.make()
        spill = yield* Scope.provide(openSpill(folder), scope)
      } else {
        const spilled = yield* spill.peek(command.most)
        const count = fitting(model, command.most)
        assert.deepStrictEqual(spilled?.trades.map(({ id }) => id) ?? [], model.slice(0, count).flat())
        if (command.do === "take" && spilled !== undefined) {
          yield* spill.remove(spilled)
          model.splice(0, count)
        }
      }
      assert.strictEqual((yield* spill.state).trades, model.flat().length)
      assert.strictEqual(existsSync(path.join(folder, "queue")), model.length > 0)
    }
    yield* Scope.close(scope, Exit.void)
    yield* Effect.flatMap(Effect.scoped(Effect.flatMap(openSpill(folder), drain)), (ids) =>
      Effect.sync(() => assert.deepStrictEqual(ids, model.flat())),
    )
  })
