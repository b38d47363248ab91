import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"
import { retryWhileItMayCome } from "./retryWhileItMayCome.ts"
import { sqlFailure } from "./sqlFailure.ts"

/** What a server can do for trades: TimescaleDB with its community licence, without it, or PostgreSQL alone. */
export const flavours = ["timescaledb-community", "timescaledb-apache", "postgresql"] as const

/** The oldest TimescaleDB that keeps every row: before it, `ON CONFLICT` into compressed chunks lost some. */
const OLDEST_TIMESCALE = [2, 18, 1] as const

/** What the database is, asked when the service starts. An extension counts where it is created in this very database. */
export class Flavour extends Context.Service<
  Flavour,
  {
    readonly name: (typeof flavours)[number]
    /** Of TimescaleDB where it is there, else of PostgreSQL. */
    readonly version: string
  }
>()("fulltape/store/Flavour") {
  static readonly layer = Layer.effect(
    Flavour,
    Effect.suspend(() => findFlavour).pipe(
      Effect.tap(({ name, version }) =>
        Effect.logInfo(`Trades are kept in ${called[name]}`).pipe(Effect.annotateLogs({ flavour: name, version })),
      ),
    ),
  )
}

const called = {
  "timescaledb-community": "TimescaleDB, compressed when they are older than COMPRESS_AFTER",
  "timescaledb-apache": "TimescaleDB without its community licence, uncompressed",
  postgresql: "PostgreSQL, uncompressed",
}

/** Asks the database; fails where it is one that would lose rows. */
export const findFlavour = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* retryWhileItMayCome(sql<Found>`
    SELECT current_setting('server_version') AS server, current_setting('timescaledb.license', TRUE) AS license,
      (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS extension`)
  return yield* flavourOf(found ?? { server: "", license: null, extension: null })
}).pipe(
  Effect.withSpan("Database.findFlavour"),
  Effect.catchTag("SqlError", (error) =>
    Effect.fail(new DatabaseUnusable({ message: `The database cannot be used: ${sqlFailure(error).detail}.` })),
  ),
)

/** What the server says of itself. */
interface Found {
  readonly server: string
  /** null: TimescaleDB is not loaded. */
  readonly license: string | null
  /** The version of TimescaleDB in this database; null: it is not created there. */
  readonly extension: string | null
}

/** Makes a flavour of it, or refuses it. */
export const flavourOf = ({
  extension,
  license,
  server,
}: Found): Effect.Effect<Flavour["Service"], DatabaseUnusable> => {
  if (extension === null) return Effect.succeed({ name: "postgresql", version: server.split(" ")[0] ?? server })
  if (isBefore(extension, OLDEST_TIMESCALE)) {
    return Effect.fail(
      new DatabaseUnusable({
        message: `The database has TimescaleDB ${extension}, which may lose rows that are written into compressed chunks: update it to ${OLDEST_TIMESCALE.join(".")} or newer (ALTER EXTENSION timescaledb UPDATE).`,
      }),
    )
  }
  return Effect.succeed({
    name: license === "timescale" ? "timescaledb-community" : "timescaledb-apache",
    version: extension,
  })
}

const isBefore = (version: string, oldest: ReadonlyArray<number>): boolean => {
  const numbers = version.split(/\D+/).map(Number)
  const differs = oldest.findIndex((number, index) => number !== (numbers[index] ?? 0))
  return differs >= 0 && (numbers[differs] ?? 0) < (oldest[differs] ?? 0)
}
