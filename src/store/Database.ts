import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { type Duration, Effect, Layer, Redacted } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { isUntrusted } from "../feed/certificate.ts"
import { arrayColumns } from "./ArrayColumn.ts"
import { databaseTls } from "./databaseTls.ts"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { findFlavour, Flavour } from "./Flavour.ts"
import { requireMarket, storedMarket } from "./storedMarket.ts"
import { defineFunctions, fromSqlFiles } from "./migrations.ts"
import { retryWhileItMayCome } from "./retryWhileItMayCome.ts"
import { arrangeTrades, requireMovable } from "./layout/arrangeTrades.ts"
import { startStep } from "./StartStep.ts"
import { isTransient, speaksNoTls, sqlFailure } from "./sqlFailure.ts"
import { withPlainTransactions } from "./transactions.ts"

export interface DatabaseOptions {
  readonly url: Redacted.Redacted<string>
  readonly poolMax: number
  /** Bounds connecting; statements are bounded where they are made. */
  readonly timeout: Duration.Duration
  /**
   * Whether a commit waits for the disk of the server, unless it is "off". A crash of the server then takes the last commits with it, rows
   * and ledger together: what is missing is missing in both, and is asked for again.
   */
  readonly synchronousCommit?: "on" | "off"
}

/**
 * Whatever the server, the database or the role have as their defaults. The commit reads the ledger after it has locked it, and that has
 * to be the ledger of then; and what is written as text is read the same way again.
 */
const SESSION = {
  default_transaction_isolation: "read committed",
  timezone: "UTC",
  datestyle: "ISO, MDY",
}

/** The pool, as it is. */
export const connected = (options: DatabaseOptions) =>
  Layer.effectDiscard(reachable(options)).pipe(
    Layer.provideMerge(
      PgClient.layerFrom(
        Effect.gen(function* () {
          const tls = yield* databaseTls(options.url)
          const client = yield* PgClient.make({
            ...tls,
            ...placeOf(tls.url),
            maxConnections: options.poolMax,
            connectTimeout: options.timeout,
            // A server that went away without a word is noticed also by who waits for an answer without a timeout.
            keepAlive: "30 seconds",
            applicationName: "fulltape",
            startupParameters: { ...SESSION, synchronous_commit: options.synchronousCommit ?? "on" },
            types: arrayColumns(),
          })
          return withPlainTransactions(client)
        }),
      ),
    ),
  )

/** The pool, migrated before anyone sees it, and what the database is. */
export const migrated = (options: DatabaseOptions) =>
  Layer.effectDiscard(migrate).pipe(Layer.provideMerge(Flavour.layer), Layer.provideMerge(connected(options)))

/** The pool, migrated, and known to hold no other market's trades than `market`'s. */
export const layer = (options: DatabaseOptions & { readonly market: string }) =>
  Layer.effectDiscard(checkMarket(options.market)).pipe(Layer.provideMerge(migrated(options)))

const checkMarket = (market: string) =>
  Effect.flatMap(SqlClient.SqlClient, storedMarket).pipe(
    retryWhileItMayCome,
    Effect.withSpan("Database.checkMarket", { root: true }),
    Effect.flatMap((stored) => requireMarket(stored, market)),
    Effect.catchTag("SqlError", (error) =>
      Effect.fail(new DatabaseUnusable({ message: `The database cannot be used: ${sqlFailure(error).detail}.` })),
    ),
  )

/** What the address says of the server: the spans of statements tell it, and do not read the address themselves. */
const placeOf = (address: Redacted.Redacted<string>) => {
  const url = new URL(Redacted.value(address))
  // A host or database among the parameters comes first.
  if (url.search !== "") return {}
  return {
    host: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : decodeURIComponent(url.hostname),
    port: url.port === "" ? 5432 : Number(url.port),
    database: decodeURIComponent(url.pathname.slice(1)),
  }
}

/** Where a database is, without its password. */
export const addressOf = (url: Redacted.Redacted<string>): string => {
  const { hostname, port, pathname } = new URL(Redacted.value(url))
  return `${hostname}:${port === "" ? "5432" : port}${pathname}`
}

const reachable = (options: DatabaseOptions) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`).pipe(
    Effect.tapError((error) => {
      const sentence = `The database at ${addressOf(options.url)} cannot be reached: ${sqlFailure(error).detail}. It is asked again for 30 seconds.`
      return isTransient(error) ? Effect.andThen(startStep(sentence), Effect.logWarning(sentence)) : Effect.void
    }),
    retryWhileItMayCome,
    (connecting) => Effect.andThen(startStep(`It connects to the database at ${addressOf(options.url)}.`), connecting),
    Effect.withSpan("Database.connect", { root: true }),
    Effect.mapError((error) => new DatabaseUnusable({ message: unusable(error, options.url) })),
  )

const unusable = (error: SqlError.SqlError, url: Redacted.Redacted<string>): string => {
  const failure = sqlFailure(error)
  const { code, detail } = failure
  const { username, pathname } = new URL(Redacted.value(url))
  const host = addressOf(url)
  if (error.reason._tag === "AuthenticationError")
    return `The database at ${host} refused the password or user ${username}: check DATABASE_URL (${detail}).`
  if (code === "3D000")
    return `The server has no database ${pathname.slice(1)}: create it (CREATE DATABASE ${pathname.slice(1)}) or correct DATABASE_URL.`
  if (isUntrusted(code))
    return `The certificate of the database at ${host} is not trusted (${detail.replace(/\.$/, "")}): name the file of the CA that signed it as sslrootcert in DATABASE_URL, or go without the check with sslmode=no-verify.`
  if (speaksNoTls(failure))
    return `The database at ${host} speaks no TLS, and DATABASE_URL asks for it: turn it on there, or write sslmode=disable.`
  return `The database at ${host} cannot be used: ${detail}. Check that PostgreSQL runs there and that DATABASE_URL is right.`
}

/** Brings the schema and the layout of the trades up to date; safe to run again, and by two processes at once. */
export const migrate = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* startStep("It brings the tables of the database up to date, and waits for whoever uses them.")
  const { name } = yield* findFlavour
  const [found] = yield* sql<{ readonly foreign: boolean; readonly owner: string | null }>`
    SELECT to_regclass('raw_trades') IS NOT NULL AND to_regclass('fulltape_migrations') IS NULL AS foreign,
      (SELECT pg_get_userbyid(relowner) FROM pg_class JOIN pg_roles ON rolname = current_user
        WHERE pg_class.oid = to_regclass('raw_trades') AND rolsuper AND relowner <> pg_roles.oid) AS owner`
  if (found?.foreign === true) {
    return yield* new DatabaseUnusable({
      message:
        "The database has a table raw_trades that Fulltape did not make: give Fulltape a database or a schema of its own, or rename that table.",
    })
  }
  if (found !== undefined && found.owner !== null) {
    return yield* new DatabaseUnusable({
      message: `The tables belong to ${found.owner}, who could not use what a superuser adds to them: migrate as that user (DATABASE_URL).`,
    })
  }
  yield* requireMovable(name)
  const applied = yield* Migrator.make({})({ loader: fromSqlFiles, table: "fulltape_migrations" })
  yield* Effect.annotateCurrentSpan("migrations.applied", applied.length)
  yield* arrangeTrades(name)
  yield* defineFunctions
  return applied
}).pipe(
  // What the database said while a migration was applied is to be judged as everything else that it says.
  Effect.catchTag("MigrationError", (error) => Effect.fail(SqlError.isSqlError(error.cause) ? error.cause : error)),
  retryWhileItMayCome,
  Effect.provide(NodeServices.layer),
  Effect.catchTags({
    SqlError: (error) =>
      Effect.fail(
        new DatabaseUnusable({
          message: isTransient(error)
            ? `The database went away while it was migrated (${sqlFailure(error).detail}): start again when it is back.`
            : refusedMigration(sqlFailure(error).detail),
        }),
      ),
    MigrationError: ({ message }) => Effect.fail(new DatabaseUnusable({ message: refusedMigration(message) })),
  }),
  Effect.withSpan("Database.migrate", { root: true }),
)

const refusedMigration = (detail: string): string =>
  `The database could not be migrated (${detail}); the user of DATABASE_URL needs the right to create tables.`
