import { Effect, FileSystem, type PlatformError } from "effect"
import { join } from "node:path"
import { parseEnv } from "node:util"

/** Variables by name; one that is set to nothing is there, and empty. */
export type Environment = Record<string, string | undefined>

/**
 * The process environment over the `.env` file of a folder. As everywhere, a variable of the process wins even when it
 * is empty, so that `LOG_DIR= npm start` switches off what the file switches on.
 *
 * The `OTEL_*` variables of the file are copied into the process environment, because the OpenTelemetry SDK reads
 * them there.
 */
export const readEnvironment = Effect.fnUntraced(function* (processEnv: Environment, folder: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const content = yield* fileSystem
    .readFileString(join(folder, ".env"))
    .pipe(Effect.catchIf(isAbsent, () => Effect.succeed("")))
  const file = parseEnv(content)
  for (const [name, value] of Object.entries(file)) {
    if (name.startsWith("OTEL_")) processEnv[name] ??= value
  }
  return { ...file, ...processEnv }
})

// a folder named .env is a Python environment
const isAbsent = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "NotFound" || error.reason._tag === "BadResource"
