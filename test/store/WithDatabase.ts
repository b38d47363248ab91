import type { Effect, Redacted } from "effect"

/**
 * Runs `use` with a new database, and drops it afterwards. It has the extension of the server's flavour, unless it is to be bare: then
 * `gain` creates it.
 */
export type WithDatabase = <A, E>(
  use: (url: Redacted.Redacted<string>, gain: Effect.Effect<void>) => Effect.Effect<A, E>,
  options?: { readonly bare: boolean },
) => Effect.Effect<A, E>
