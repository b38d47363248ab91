import { Effect } from "effect"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"

const ROLE = "service"

/** Databases of a new role, which may do in them what an owner may and nothing elsewhere; `address` is a superuser's. */
export const ownDatabases = Effect.fnUntraced(function* (address: string) {
  const admin = databaseAt(address)
  const { hostname, password, port } = new URL(address)
  yield* admin.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${password}'`)
  return {
    host: hostname,
    port: Number(port),
    create: (name) =>
      Effect.acquireRelease(
        Effect.gen(function* () {
          yield* admin.query(`CREATE DATABASE ${name} OWNER ${ROLE}`)
          return {
            name,
            admin: databaseAt(address.replace(/[^/]+$/, name)),
            url: `postgres://${ROLE}:${password}@${hostname}:${port}/${name}`,
          }
        }),
        () => Effect.ignoreCause(admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      ),
  } satisfies Pick<DatabaseServer, "host" | "port" | "create">
})
