import type { open, RootDatabase } from "lmdb"
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { randomUUID } from "node:crypto"
import * as path from "node:path"
import { DataFile, fill, isNoRoom } from "./DataFile.ts"

/** The module `lmdb`, which costs 30 ms and 12 MB to load. */
export interface Lmdb {
  readonly open: typeof open
}

/** Pages of the file that only a removal may use: it copies pages before it frees them. */
export const RESERVE = 524_288

/** Nobody takes this long to make an environment. */
const ABANDONED_MILLIS = 60_000

/** An open LMDB environment, in a folder that is made at once and moved away at once, so that its two files belong together. */
export interface Environment {
  readonly database: RootDatabase<Buffer, number>
  readonly file: DataFile
  readonly close: () => void
}

/** Where the pages are. */
export const dataFile = (folder: string): string => path.join(folder, "data.mdb")

/**
 * Opens what is in the folder; undefined when it was replaced meanwhile. A file that is not sound may end the process: only one that
 * this program made, or that was inspected, may be opened.
 */
export const openEnvironment = (lmdb: Lmdb, folder: string, limit: number): Environment | undefined => {
  prepareLock(folder)
  const file = new DataFile(dataFile(folder))
  const database = lmdb.open<Buffer, number>({
    path: folder,
    noSubdir: false,
    encoding: "binary",
    maxDbs: 1,
    // Nothing of a transaction is left to do when it returns: it is on the disk.
    overlappingSync: false,
    remapChunks: false,
    mapSize: limit + RESERVE,
  })
  const close = () => {
    void database.close()
    file.close()
  }
  if (file.isCurrent) return { database, file, close }
  close()
  return undefined
}

/** Makes an empty environment, unless another process just did; false when the disk has no room for one. */
export const createEnvironment = (lmdb: Lmdb, folder: string, limit: number): boolean => {
  const made = `${folder}.${randomUUID()}.new`
  try {
    mkdirSync(made)
    // LMDB may end the process when it cannot write its first pages: so this much is known to be there, and given back just before.
    const room = path.join(made, "room")
    const descriptor = openSync(room, "w")
    try {
      if (!fill(descriptor, made, 0, RESERVE)) return false
    } finally {
      closeSync(descriptor)
    }
    prepareLock(made)
    rmSync(room)
    const database = lmdb.open({
      path: made,
      noSubdir: false,
      maxDbs: 1,
      overlappingSync: false,
      remapChunks: false,
      mapSize: limit + RESERVE,
    })
    void database.close()
    syncFolder(made)
    renameSync(made, folder)
    syncFolder(path.dirname(folder))
    return true
  } catch (error) {
    if (isNoRoom(error)) return false
    if (existsSync(dataFile(folder))) return true
    throw error
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

/** Takes the environment away from its path, for good; to be done under the write lock. What it returns deletes it. */
export const discard = (folder: string): (() => void) => {
  const gone = `${folder}.${randomUUID()}.old`
  renameSync(folder, gone)
  return () => rmSync(gone, { recursive: true, force: true })
}

/** Deletes what processes left that were killed while they made or discarded an environment. */
export const sweep = (folder: string): void => {
  const around = path.dirname(folder)
  for (const name of readdirSync(around).filter((_) => _.startsWith(`${path.basename(folder)}.`))) {
    const left = path.join(around, name)
    const changed = statSync(left, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (name.endsWith(".old") || changed < Date.now() - ABANDONED_MILLIS) rmSync(left, { recursive: true, force: true })
  }
}

/** LMDB maps its lock file before the disk has given blocks for it, and a full disk would end the process when it writes there. */
const prepareLock = (folder: string): void => {
  const lock = path.join(folder, "lock.mdb")
  if (statSync(lock, { throwIfNoEntry: false }) === undefined) writeFileSync(lock, new Uint8Array(16_384))
}

const syncFolder = (folder: string): void => {
  // Windows has no such thing.
  if (process.platform === "win32") return
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
