import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"

/** When a file is moved away, and how many of those are kept. */
export interface Rotation {
  /** The size that a file may reach, unless its only line is longer. */
  readonly mostBytes: number
  /** At least 1. */
  readonly kept: number
}

/** What did not work, although something else may have. */
export interface Appended {
  /** Why the file could not be moved away; it was written to all the same. */
  readonly notRotated: unknown
  /** The last of the lines, and why they are in no file. */
  readonly notWritten: { readonly lines: number; readonly error: unknown } | undefined
}

/**
 * Appends whole lines to a file, and moves it away where the next line would make it too large. Each line is in one file, whole, or
 * in none. Rejects when the file cannot be opened.
 */
export const appendRotating = async (
  path: string,
  lines: ReadonlyArray<string>,
  rotation: Rotation,
): Promise<Appended> => {
  let notRotated: unknown
  let handle = await open(path, "a")
  let next = 0
  try {
    while (next < lines.length) {
      const { size } = await handle.stat()
      const limit = notRotated === undefined ? rotation.mostBytes - size : Number.POSITIVE_INFINITY
      const { bytes, end } = fitting(lines, next, limit, size === 0)
      if (end > next) {
        await appendWhole(handle, bytes, size)
        next = end
      }
      if (next === lines.length) break
      notRotated = await rotate(path, handle, rotation.kept)
      if (notRotated !== undefined) continue
      await handle.close()
      handle = await open(path, "a")
    }
  } catch (error) {
    return { notRotated, notWritten: { lines: lines.length - next, error } }
  } finally {
    await handle.close().catch(() => {})
  }
  return { notRotated, notWritten: undefined }
}

/** The lines from `first` on that fit, one at least where the file is empty. */
const fitting = (lines: ReadonlyArray<string>, first: number, limit: number, oneAtLeast: boolean) => {
  const parts: Array<Buffer> = []
  let room = limit
  let end = first
  for (let line = lines[end]; line !== undefined; line = lines[end]) {
    const part = Buffer.from(line)
    if (part.length > room && !(oneAtLeast && end === first)) break
    parts.push(part)
    room -= part.length
    end += 1
  }
  return { bytes: Buffer.concat(parts), end }
}

/** A full disk takes a part of it: that part goes again, as the half of a line. */
const appendWhole = async (handle: FileHandle, bytes: Buffer, size: number): Promise<void> => {
  try {
    await handle.appendFile(bytes)
  } catch (error) {
    await handle.truncate(size).catch(() => {})
    throw error
  }
}

/** Gives why it did not work; undefined: the name is free. */
const rotate = async (path: string, handle: FileHandle, kept: number): Promise<unknown> => {
  try {
    const [measured, named] = await Promise.all([handle.stat(), stat(path)])
    // Somebody else has moved it away meanwhile.
    if (measured.ino !== named.ino) return undefined
    await rm(`${path}.${kept}`, { force: true })
    for (let number = kept - 1; number >= 1; number--)
      await unlessMissing(rename(`${path}.${number}`, `${path}.${number + 1}`))
    await rename(path, `${path}.1`)
    return undefined
  } catch (error) {
    return isMissing(error) ? undefined : error
  }
}

const unlessMissing = (renamed: Promise<void>): Promise<void> =>
  renamed.catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT"
