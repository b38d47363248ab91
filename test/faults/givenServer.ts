import { Effect } from "effect"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"

/** The server at an address, whose user may make databases. It is neither stopped nor paused. */
export const givenServer = Effect.fnUntraced(function* (address: string) {
  const admin = databaseAt(address)
  const at = (name: string) => {
    const url = new URL(address)
    url.pathname = `/${name}`
    return url.href
  }
  const [row] = yield* admin.query("SHOW server_version")
  const { hostname, port } = new URL(address)
  return {
    description: `PostgreSQL ${String(row?.["server_version"])} of TEST_DATABASE_URL`,
    host: hostname.replaceAll(/[[\]]/g, ""),
    port: port === "" ? 5432 : Number(port),
    create: (name) =>
      Effect.acquireRelease(
        Effect.as(admin.query(`CREATE DATABASE ${name}`), { name, admin: databaseAt(at(name)), url: at(name) }),
        () => Effect.ignoreCause(admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      ),
    outage: undefined,
  } satisfies DatabaseServer
})
