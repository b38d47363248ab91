import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"

/** An empty database of the server that TEST_DATABASE_URL names, dropped at the end of the scope. */
export const newDatabase = Effect.acquireRelease(
  Effect.gen(function* () {
    const admin = databaseAt(process.env["TEST_DATABASE_URL"] ?? "")
    const name = `deploy_${randomUUID().replaceAll("-", "")}`
    yield* admin.query(`CREATE DATABASE ${name}`)
    return { admin, name }
  }),
  ({ admin, name }) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`),
).pipe(Effect.map(({ admin, name }) => databaseAt(admin.url.replace(/[^/]+$/, name))))
