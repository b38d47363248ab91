import { Effect } from "effect"
import { databaseAt } from "../fixtures/service/TestPostgres.ts"
import { type DatabaseServer } from "./DatabaseServer.ts"

/** A row where the server runs with TimescaleDB; whoever may not read that setting may not create the extension either. */
const TIMESCALE = `SELECT FROM pg_available_extensions AS extension, pg_settings AS setting
  WHERE extension.name = 'timescaledb' AND setting.name = 'shared_preload_libraries' AND setting.setting LIKE '%timescaledb%'`

/**
 * The server at an address, whose user may make databases; on TimescaleDB each has the extension. It is neither stopped nor
 * paused.
 */
export const givenServer = Effect.fnUntraced(function* (address: string) {
  const admin = databaseAt(address)
  const at = (name: string) => {
    const url = new URL(address)
    url.pathname = `/${name}`
    return url.href
  }
  const [row] = yield* admin.query("SHOW server_version")
  const isTimescale = (yield* admin.query(TIMESCALE)).length > 0
  const { hostname, port } = new URL(address)
  return {
    description: `${isTimescale ? "TimescaleDB on " : ""}PostgreSQL ${String(row?.["server_version"])} of TEST_DATABASE_URL`,
    host: hostname.replaceAll(/[[\]]/g, ""),
    port: port === "" ? 5432 : Number(port),
    create: (name) =>
      Effect.acquireRelease(
        Effect.gen(function* () {
          yield* admin.query(`CREATE DATABASE ${name}`)
          const database = databaseAt(at(name))
          if (isTimescale) yield* database.query("CREATE EXTENSION IF NOT EXISTS timescaledb")
          return { name, admin: database, url: at(name) }
        }),
        () => Effect.ignoreCause(admin.query(`DROP DATABASE ${name} WITH (FORCE)`)),
      ),
    outage: undefined,
  } satisfies DatabaseServer
})
