import { Effect, Option, Schedule, Schema, type Scope } from "effect"
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { EmbeddedPostgresError, errorCode, errorText } from "./EmbeddedPostgresError.ts"
import { handOver } from "./handOver.ts"
import { lifeOf } from "./processes.ts"

/** What an owner says of itself in its file. */
export const OwnerRecord = Schema.Struct({
  pid: Schema.Int,
  /** Which life of that pid it is: a pid alone is used again after a crash or a reboot. */
  life: Schema.String,
  /** A command that holds the database for its own duration only (migrate, verify, health). */
  brief: Schema.Boolean,
})

/** Who owns the embedded database of a folder. */
export type OwnerRecord = typeof OwnerRecord.Type

/**
 * Takes the folder for this process until the scope closes, or answers who has it. Of several at once one wins.
 *
 * The files are numbered and the highest counts. A successor creates the next number exclusively, and numbers never
 * go down: so nobody can remove a file that he took for stale after somebody else has renewed it.
 */
export const claim = (
  root: string,
  brief: boolean,
): Effect.Effect<Option.Option<OwnerRecord>, EmbeddedPostgresError, Scope.Scope> =>
  Effect.acquireRelease(attempt(root, brief), (taken) =>
    // An empty record instead of no file, for the numbers must not start again.
    "file" in taken ? Effect.try(() => writeFileSync(taken.file, "{}")).pipe(Effect.ignore) : Effect.void,
  ).pipe(Effect.map((taken) => ("file" in taken ? Option.none() : Option.some(taken.owner))))

type Taken = { readonly file: string } | { readonly owner: OwnerRecord }

const attempt = (root: string, brief: boolean): Effect.Effect<Taken, EmbeddedPostgresError> =>
  Effect.try({
    try: () => take(root, brief),
    catch: (error) =>
      new EmbeddedPostgresError({
        reason: "Folder",
        message: `The data folder ${root} could not be taken (${errorText(error)}): change its permissions or set DATA_DIR to another folder.`,
      }),
  }).pipe(
    Effect.flatMap((taken) =>
      taken === undefined
        ? new EmbeddedPostgresError({
            reason: "Owned",
            message: `Several processes are starting in ${root} at this moment: try again.`,
          })
        : Effect.succeed(taken),
    ),
    Effect.retry({ while: (error) => error.reason === "Owned", schedule: Schedule.spaced("20 millis"), times: 250 }),
  )

/** undefined: the files are changing under our eyes, look again. */
const take = (root: string, brief: boolean): Taken | undefined => {
  const numbers = numbersIn(root)
  const highest = numbers.at(-1) ?? 0
  if (highest > 0) {
    const state = inspect(fileOf(root, highest))
    if (state === "unsettled") return undefined
    if (state !== "free") return { owner: state }
  }
  const mine = highest + 1
  const file = fileOf(root, mine)
  const record: OwnerRecord = { pid: process.pid, life: lifeOf(process.pid) ?? "", brief }
  try {
    writeFileSync(file, JSON.stringify(record), { flag: "wx", mode: 0o644 })
    handOver(file)
  } catch (error) {
    if (errorCode(error) === "EEXIST") return undefined
    throw error
  }
  if (numbersIn(root).at(-1) !== mine) {
    rmSync(file, { force: true })
    return undefined
  }
  for (const number of numbers) rmSync(fileOf(root, number), { force: true })
  return { file }
}

/** Who owns the folder at this moment, if anybody does. */
const inspect = (file: string): OwnerRecord | "free" | "unsettled" => {
  let text: string
  let age: number
  try {
    text = readFileSync(file, "utf8")
    age = Date.now() - statSync(file).mtimeMs
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "unsettled"
    throw error
  }
  // Between its creation and its first byte a file is empty; one that stays empty was left by a crash.
  if (text === "" && age < 2_000) return "unsettled"
  const record = decode(text)
  if (Option.isNone(record)) return "free"
  return lifeOf(record.value.pid) === record.value.life ? record.value : "free"
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(OwnerRecord))

const fileOf = (root: string, number: number) => path.join(root, `owner.${number}.json`)

const numbersIn = (root: string): ReadonlyArray<number> =>
  readdirSync(root)
    .flatMap((name) => /^owner\.(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
