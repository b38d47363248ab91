import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { retryWhileItMayCome } from "./retryWhileItMayCome.ts"
import { sqlFailure } from "./sqlFailure.ts"

/** Which database this is, for what is kept beside it: made with its tables, and the same in a copy of it. */
export const databaseIdentity = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly id: string }>`SELECT database_id::text AS id FROM database_identity`
  if (row === undefined)
    return yield* new DatabaseUnusable({ message: "The database's table database_identity is empty." })
  return row.id
}).pipe(
  Effect.withSpan("Database.identity"),
  retryWhileItMayCome,
  Effect.catchTag("SqlError", (error) =>
    Effect.fail(new DatabaseUnusable({ message: `The database cannot be used: ${sqlFailure(error).detail}.` })),
  ),
)
