import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { givenServer } from "./givenServer.ts"

const url = process.env["TEST_DATABASE_URL"] ?? ""
const extension = "SELECT FROM pg_extension WHERE extname = 'timescaledb'"

it.live("gives each database TimescaleDB where the server runs with it", () =>
  Effect.gen(function* () {
    const server = yield* givenServer(url)
    const { admin, name } = yield* server.create(`given_${process.pid}`)
    assert.lengthOf(yield* admin.query(extension), server.description.startsWith("TimescaleDB") ? 1 : 0)
    const [row] = yield* admin.query("SELECT current_database() AS name")
    assert.strictEqual(row?.["name"], name)
  }),
)
