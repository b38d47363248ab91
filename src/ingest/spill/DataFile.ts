import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, statfsSync, statSync, writeSync } from "node:fs"
import { errorCode } from "../../store/embedded/EmbeddedPostgresError.ts"

/** The file grows in steps of this many bytes, each of them written before LMDB uses it. */
const STEP = 524_288

const NO_ROOM = new Set(["ENOSPC", "EDQUOT", "EFBIG"])

/** Whether an error says that the disk, a quota or a limit of the process has no room for a file. */
export const isNoRoom = (error: unknown): boolean => NO_ROOM.has(errorCode(error))

/**
 * The file that LMDB keeps its pages in. A write of LMDB that finds the disk full may end the process, so the file is made longer
 * ahead of it: LMDB only ever writes where the disk has given its blocks. Its length is changed by who holds the write lock.
 */
export class DataFile {
  readonly path: string
  private readonly descriptor: number

  constructor(path: string) {
    this.path = path
    this.descriptor = openSync(path, "r+")
  }

  get size(): number {
    return fstatSync(this.descriptor).size
  }

  /** Whether the path still leads to this file, and not to a later one or nowhere. */
  get isCurrent(): boolean {
    const [opened, found] = [fstatSync(this.descriptor), statSync(this.path, { throwIfNoEntry: false })]
    return found !== undefined && found.ino === opened.ino && found.dev === opened.dev
  }

  /** Makes the file at least `size` and at most `limit` bytes long; tells what forbids it, and then has changed nothing. */
  reserve(size: number, limit: number): "Disk" | "Limit" | undefined {
    const before = this.size
    if (size <= before) return undefined
    if (size > limit) return "Limit"
    if (!fill(this.descriptor, this.path, before, Math.min(size + STEP, limit))) return "Disk"
    fdatasyncSync(this.descriptor)
    return undefined
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

/** Writes zeros from one length to another, as far as the disk has room for them and for what others do; all or nothing. */
export const fill = (descriptor: number, path: string, from: number, to: number): boolean => {
  const { bavail, bsize } = statfsSync(path)
  if (bavail * bsize < to - from + STEP) return false
  try {
    for (let at = from; at < to;) at += writeSync(descriptor, ZEROS, 0, Math.min(to - at, ZEROS.length), at)
    return true
  } catch (error) {
    ftruncateSync(descriptor, from)
    if (isNoRoom(error)) return false
    throw error
  }
}

const ZEROS = new Uint8Array(65_536)
