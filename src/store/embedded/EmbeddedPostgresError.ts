import { Schema } from "effect"

/** Why the embedded PostgreSQL is not there; `message` is one sentence for a person. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  /**
   * - `Unsupported`: no binaries for this platform, or they do not run here
   * - `Folder`: the data folder cannot be used
   * - `Owned`: another live process has it
   * - `Privileges`: PostgreSQL refuses to run as root and no way round was found
   * - `Version`: the folder was made by another major version
   * - `Start`: the server could not be made or started
   */
  reason: Schema.Literals(["Unsupported", "Folder", "Owned", "Privileges", "Version", "Start"]),
  message: Schema.String,
}) {}

/** The system's error code (`ENOENT`), or an empty string. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** The text of anything that was thrown. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error))
