import { Effect, type Scope, Schema } from "effect"
import { appendFile, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { appendRotating, type Rotation } from "./appendRotating.ts"

/** LOG_DIR cannot be written to. */
export class LogDirUnwritable extends Schema.TaggedError<LogDirUnwritable>()("LogDirUnwritable", {
  path: Schema.String,
  reason: Schema.String,
}) {
  override get message(): string {
    return `LOG_DIR does not work, ${this.path} cannot be written: ${this.reason}. Make it writable or unset LOG_DIR.`
  }
}

/** Lines reach the file within this time. */
const window = "250 millis"

/** What waits for a disk that is slow or full, in characters; beyond it lines are dropped, and counted. */
const maxWaiting = 8_000_000

/** Together with the file that is written to: 300 MB of each at most. */
const ROTATION: Rotation = { mostBytes: 50_000_000, kept: 5 }

/**
 * Opens files of a folder for appending and returns a function for each that adds a line without waiting. What was
 * added is written by the time the scope has closed.
 *
 * A file that would grow beyond `rotation.mostBytes` becomes `<name>.1` first, what was that `<name>.2`, and the last of `kept` goes.
 * Every write opens the file anew, so that somebody else may move it away or delete it at any time. `onTrouble` hears
 * once of a file that stops to be writable, and once when it works again; and of one that cannot be rotated, which grows on.
 */
export const open = Effect.fnUntraced(function* <const Name extends string>(
  dir: string,
  names: ReadonlyArray<Name>,
  onTrouble: (sentence: string) => Effect.Effect<void>,
  rotation = ROTATION,
) {
  yield* attempt(dir, () => mkdir(dir, { recursive: true }))
  return yield* Effect.forEach(names, (name) => openFile(join(dir, name), onTrouble, rotation))
})

const openFile = Effect.fnUntraced(function* (
  path: string,
  onTrouble: (sentence: string) => Effect.Effect<void>,
  rotation: Rotation,
): Effect.fn.Return<(line: string) => void, LogDirUnwritable, Scope.Scope> {
  yield* attempt(path, () => appendFile(path, ""))
  let waiting: Array<string> = []
  let size = 0
  let dropped = 0
  let isStuck = false

  const flush = Effect.suspend(() => {
    const lines = waiting
    waiting = []
    size = 0
    return lines.length === 0
      ? Effect.void
      : attempt(path, () => appendRotating(path, lines, rotation)).pipe(
          Effect.matchEffect({
            onFailure: (error) => lost(lines.length, error),
            onSuccess: ({ notRotated, notWritten }) =>
              Effect.andThen(
                notWritten === undefined ? written : lost(notWritten.lines, unwritable(path, notWritten.error)),
                rotated(notRotated),
              ),
          }),
        )
  }).pipe(Effect.uninterruptible)

  const lost = (count: number, error: LogDirUnwritable): Effect.Effect<void> => {
    const isNews = dropped === 0
    dropped += count
    return isNews ? onTrouble(error.message) : Effect.void
  }

  const written = Effect.suspend(() => {
    const missing = dropped
    dropped = 0
    return missing === 0 ? Effect.void : onTrouble(`${path} is written again; ${missing} lines are missing in it`)
  })

  const rotated = (why: unknown): Effect.Effect<void> => {
    const isNews = why !== undefined && !isStuck
    isStuck = why !== undefined
    return isNews ? onTrouble(`${path} cannot be rotated, and grows on: ${textOf(why)}`) : Effect.void
  }

  yield* Effect.addFinalizer(() => flush)
  yield* Effect.sleep(window).pipe(Effect.andThen(flush), Effect.forever, Effect.forkScoped)

  return (line) => {
    if (size > maxWaiting) {
      dropped += 1
      return
    }
    size += line.length + 1
    waiting.push(`${line}\n`)
  }
})

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, LogDirUnwritable> =>
  Effect.tryPromise({ try: run, catch: (error) => unwritable(path, error) })

const unwritable = (path: string, error: unknown) => new LogDirUnwritable({ path, reason: textOf(error) })

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
