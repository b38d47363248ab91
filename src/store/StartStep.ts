import { Context, Effect, Layer } from "effect"

/** What the start of the service waits for, in a sentence. Kept where `layer` is, for those who are asked meanwhile. */
export const StartStep = Context.Reference<{
  readonly now: Effect.Effect<string>
  readonly enter: (sentence: string) => Effect.Effect<void>
}>("fulltape/store/StartStep", {
  defaultValue: () => ({ now: Effect.succeed(""), enter: () => Effect.void }),
})

/** Says what the start waits for from now on. */
export const startStep = (sentence: string): Effect.Effect<void> =>
  Effect.flatMap(StartStep, ({ enter }) => enter(sentence))

/** Keeps the last sentence. */
export const layer = Layer.sync(StartStep, () => {
  let now = "It has just begun."
  return { now: Effect.sync(() => now), enter: (sentence) => Effect.sync(() => void (now = sentence)) }
})
