import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { type Binaries } from "./binaries.ts"
import { command } from "./command.ts"
import { EmbeddedPostgresError, errorText } from "./EmbeddedPostgresError.ts"
import { type Folder } from "./Folder.ts"
import { handOver } from "./handOver.ts"
import { type RunAs } from "./RunAs.ts"
import { lastReason } from "./serverLog.ts"

/** What a new cluster's postgresql.conf begins with; whoever runs the database may change it there. */
const settings = {
  max_connections: "100",
  shared_buffers: "128MB",
  fsync: "on",
  synchronous_commit: "on",
  min_wal_size: "128MB",
  max_wal_size: "1GB",
  log_checkpoints: "off",
  timezone: "UTC",
  log_timezone: "UTC",
}

/**
 * Makes the cluster with its user and database `fulltape` when there is none, and checks the one that there is.
 * It is made aside and renamed when it is complete: a kill in the middle leaves nothing that looks like a cluster.
 * The caller owns the folder.
 */
export const ensureCluster = Effect.fnUntraced(function* (
  folder: Folder,
  binaries: Binaries,
  runAs: RunAs,
  major: string,
) {
  yield* attempt(folder, () => removeLeftovers(folder))
  if (existsSync(folder.cluster)) {
    yield* checkVersion(folder, major)
    return yield* attempt(folder, () => own(folder.cluster, runAs))
  }
  yield* Effect.logInfo(`Making an embedded PostgreSQL ${major} in ${folder.root}`)
  yield* Effect.acquireUseRelease(
    attempt(folder, () => prepare(folder, runAs)),
    (workshop) => create(folder, binaries, runAs, workshop),
    (workshop) => Effect.promise(() => remove(workshop.root)).pipe(Effect.ignoreCause),
  )
})

/** The database user's password. */
export const readPassword = (folder: Folder): Effect.Effect<string, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: () => fs.readFile(folder.password, "utf8"),
    catch: (error) =>
      new EmbeddedPostgresError({
        reason: "Folder",
        message: `The password of the embedded database cannot be read (${errorText(error)}): put ${folder.password} back, run as the user who made it, or set DATA_DIR to another folder.`,
      }),
  })

interface Workshop {
  readonly root: string
  readonly cluster: string
  readonly password: string
  readonly secret: string
}

const prefix = "new-"

const prepare = async (folder: Folder, runAs: RunAs): Promise<Workshop> => {
  const root = await fs.mkdtemp(path.join(folder.root, prefix))
  const cluster = path.join(root, "cluster")
  const password = path.join(root, "password")
  const secret = randomBytes(24).toString("hex")
  await fs.mkdir(cluster, { mode: 0o700 })
  await fs.writeFile(password, secret, { mode: 0o600 })
  await own(root, runAs)
  return { root, cluster, password, secret }
}

const create = Effect.fnUntraced(function* (folder: Folder, binaries: Binaries, runAs: RunAs, workshop: Workshop) {
  const { env } = binaries
  yield* command({
    runAs,
    file: binaries.initdb,
    args: [
      `--pgdata=${workshop.cluster}`,
      "--username=fulltape",
      `--pwfile=${workshop.password}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-instructions",
      // One call for the whole file system instead of one for each of a thousand files: 0.8 s instead of 3.4 s.
      ...(process.platform === "linux" ? ["--sync-method=syncfs"] : []),
      ...Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ],
    env,
  }).pipe(Effect.flatMap(succeeded(folder)))
  yield* command({
    runAs,
    file: binaries.postgres,
    args: ["--single", "-D", workshop.cluster, "-c", "exit_on_error=on", "postgres"],
    env,
    input: "CREATE DATABASE fulltape\n",
  }).pipe(Effect.flatMap(succeeded(folder)))
  yield* attempt(folder, async () => {
    // The password first: a cluster without its password would be lost.
    await fs.writeFile(folder.password, workshop.secret, { mode: 0o600, flush: true })
    handOver(folder.password)
    await fs.rename(workshop.cluster, folder.cluster)
    await persistNames(folder.root)
  })
})

const succeeded =
  (folder: Folder) =>
  (ended: { readonly code: number | undefined; readonly output: string }): Effect.Effect<void, EmbeddedPostgresError> =>
    ended.code === 0
      ? Effect.void
      : new EmbeddedPostgresError({
          reason: "Start",
          message: `The embedded database could not be made in ${folder.root} (${lastReason(ended.output)}): correct that, or set DATABASE_URL to a PostgreSQL server.`,
        })

const checkVersion = Effect.fnUntraced(function* (folder: Folder, major: string) {
  const found = yield* attempt(folder, () => fs.readFile(path.join(folder.cluster, "PG_VERSION"), "utf8"))
  if (found.trim() === major) return
  return yield* new EmbeddedPostgresError({
    reason: "Version",
    message: `The embedded database in ${folder.root} was made by PostgreSQL ${found.trim()} and this Fulltape brings PostgreSQL ${major}: use the Fulltape that made it, or set DATA_DIR to a new folder.`,
  })
})

/** Gives everything below to the server's user, where that is another one. */
const own = async (file: string, { owner }: RunAs): Promise<void> => {
  if (owner === undefined) return
  const { uid } = await fs.lstat(file)
  if (uid === owner.uid && file.endsWith("cluster")) return
  const below = await fs.readdir(file, { recursive: true })
  await Promise.all(below.map((name) => fs.lchown(path.join(file, name), owner.uid, owner.gid)))
  // The folder itself last: its owner tells that all is done.
  await fs.lchown(file, owner.uid, owner.gid)
}

const removeLeftovers = async (folder: Folder): Promise<void> => {
  for (const name of await fs.readdir(folder.root)) {
    if (name.startsWith(prefix)) await remove(path.join(folder.root, name))
  }
}

/** With patience: the initdb of a killed process may still be writing, until it misses its files. */
const remove = (root: string): Promise<void> =>
  fs.rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 })

const persistNames = async (root: string): Promise<void> => {
  if (process.platform === "win32") return
  const handle = await fs.open(root)
  await handle.sync().finally(() => handle.close())
}

const attempt = <A>(folder: Folder, run: () => Promise<A>): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: run,
    catch: (error) =>
      new EmbeddedPostgresError({
        reason: "Folder",
        message: `The folder of the embedded database, ${folder.root}, cannot be used (${errorText(error)}): correct that, or set DATA_DIR to another folder.`,
      }),
  })
