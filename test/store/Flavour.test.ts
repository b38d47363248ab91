import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { flavourOf } from "../../src/store/Flavour.ts"

const server = "17.11 (Debian 17.11-1)"

describe("the flavour of a database", () => {
  it.effect.each([
    [null, null, { name: "postgresql", version: "17.11" }],
    // Loaded by the server, and not created in this database.
    ["timescale", null, { name: "postgresql", version: "17.11" }],
    ["timescale", "2.29.2", { name: "timescaledb-community", version: "2.29.2" }],
    ["apache", "2.19.3", { name: "timescaledb-apache", version: "2.19.3" }],
    ["apache", "2.18.1", { name: "timescaledb-apache", version: "2.18.1" }],
    ["timescale", "3.0.0-dev", { name: "timescaledb-community", version: "3.0.0-dev" }],
  ] as const)("of licence %s and version %s", ([license, extension, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* flavourOf({ server, license, extension }), expected)
    }),
  )

  it.effect.each(["2.18.0", "2.9.3", "1.99.99"])("is refused where TimescaleDB is %s, with the reason", (extension) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(flavourOf({ server, license: "timescale", extension }))
      assert.strictEqual(
        error.message,
        `The database has TimescaleDB ${extension}, which may lose rows that are written into compressed chunks: update it to 2.18.1 or newer (ALTER EXTENSION timescaledb UPDATE).`,
      )
    }),
  )
})
