import { Effect } from "effect"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { EmbeddedPostgresError, errorCode, errorText } from "./EmbeddedPostgresError.ts"
import { handOver } from "./handOver.ts"

/** Where the embedded database keeps its things, all absolute and without symbolic links. */
export interface Folder {
  readonly root: string
  /** PostgreSQL's own data directory; it exists only when it is complete. */
  readonly cluster: string
  /** The password of the database user, mode 0600. */
  readonly password: string
  /** What the server writes to stderr. */
  readonly log: string
  /** Links to libraries, made only when the binaries were installed without theirs. */
  readonly lib: string
}

/** Makes `<dataDir>/postgres` when it is absent; fails with `Folder` when it cannot be written. */
export const openFolder = (dataDir: string): Effect.Effect<Folder, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: async () => {
      const wanted = path.join(path.resolve(dataDir), "postgres")
      // Others may walk through but not look: an unprivileged server has to reach its cluster below.
      await makeFolder(wanted, 0o711)
      const root = await fs.realpath(wanted)
      await fs.access(root, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
      return {
        root,
        cluster: path.join(root, "cluster"),
        password: path.join(root, "password"),
        log: path.join(root, "server.log"),
        lib: path.join(root, "lib"),
      }
    },
    catch: (error) => new EmbeddedPostgresError({ reason: "Folder", message: explain(path.resolve(dataDir), error) }),
  })

/** Fails with `Folder` where there is no database in `dataDir`, and makes nothing. */
export const requireCluster = (dataDir: string): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: () => fs.access(path.join(path.resolve(dataDir), "postgres", "cluster")),
    catch: () =>
      new EmbeddedPostgresError({
        reason: "Folder",
        message: `There is no database in ${path.resolve(dataDir)}: set DATA_DIR to the folder of the service, or DATABASE_URL to its database.`,
      }),
  })

/** Node's own recursive mkdir never returns where a parent can neither be found nor made, as below /proc. */
const makeFolder = async (folder: string, mode?: number): Promise<void> => {
  try {
    await fs.mkdir(folder, mode)
  } catch (error) {
    const isThere = errorCode(error) === "EEXIST" && (await fs.stat(folder)).isDirectory()
    if (isThere) return
    if (errorCode(error) !== "ENOENT" || path.dirname(folder) === folder) throw error
    await makeFolder(path.dirname(folder))
    await fs.mkdir(folder, mode)
  }
  handOver(folder)
}

const explain = (dataDir: string, error: unknown): string => {
  const code = errorCode(error)
  switch (code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `The data folder ${dataDir} cannot be written by this user (${code}): change its permissions or set DATA_DIR to another folder.`
    case "ENOTDIR":
    case "EEXIST":
      return `The data folder ${dataDir} cannot be made because a file stands in its way: set DATA_DIR to another folder.`
    default:
      return `The data folder ${dataDir} cannot be used (${errorText(error)}): set DATA_DIR to another folder.`
  }
}
