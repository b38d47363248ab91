import { Effect, FileSystem } from "effect"
import { type Migrator, SqlClient } from "effect/sql"
import { fileURLToPath } from "node:url"

/** `migrations/` of the package, seen from `src/store` and from `dist/store` alike. */
const folder = fileURLToPath(new URL("../../migrations/", import.meta.url))

/** The numbered SQL files of `migrations/`, in order. Each file is applied whole or not at all. */
export const fromSqlFiles = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const names = yield* files.readDirectory(folder)
  return yield* Effect.forEach(names.filter((name) => /^\d+_.+\.sql$/.test(name)).sort(), (name) =>
    Effect.map(files.readFileString(folder + name), (text): Migrator.ResolvedMigration => {
      const [, id = "", label = ""] = /^(\d+)_(.+)\.sql$/.exec(name) ?? []
      return [Number(id), label, Effect.succeed(applying(text))]
    }),
  )
}).pipe(Effect.orDie)

/**
 * Defines the functions of `migrations/functions/` as those files have them, whatever version defined them before. One process at a
 * time: two that replace a function at once would fail.
 */
export const defineFunctions = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const sql = yield* SqlClient.SqlClient
  const names = (yield* Effect.orDie(files.readDirectory(`${folder}functions`))).filter((name) => name.endsWith(".sql"))
  const texts = yield* Effect.orDie(
    Effect.forEach(names.sort(), (name) => files.readFileString(`${folder}functions/${name}`)),
  )
  yield* sql.withTransaction(
    Effect.andThen(sql`SELECT pg_advisory_xact_lock(hashtext('fulltape functions'))`, Effect.forEach(texts, applying)),
  )
})

const applying = (text: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.forEach(statements(text), (statement) => sql.unsafe(statement), { discard: true }),
  )

/** Splits at semicolons outside of quotes, comments and dollar-quoted bodies; the wire takes one statement at a time. */
export const statements = (text: string): ReadonlyArray<string> => {
  const tokens = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1|;|[^;'"$/-]+|[\s\S]/g
  const all: Array<string> = []
  let current = ""
  for (const [token] of text.matchAll(tokens)) {
    if (token === ";") {
      all.push(current.trim())
      current = ""
    } else if (!token.startsWith("--") && !token.startsWith("/*")) {
      current += token
    }
  }
  return [...all, current.trim()].filter((statement) => statement !== "")
}
