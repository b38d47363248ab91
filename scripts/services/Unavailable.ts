import { type SpawnSyncReturns } from "node:child_process"

/** There is no server to test on; the message says why in a sentence. */
export class Unavailable extends Error {
  /** What went wrong, with the line in which the program said why. */
  static after(what: string, { error, stderr, stdout }: SpawnSyncReturns<string>): Unavailable {
    const lines = (stderr?.trim() || stdout?.trim() || "").split("\n")
    const said = lines.find((line) => /^E: |\b(?:ERROR|FATAL): /.test(line)) ?? lines.at(-1)
    return new Unavailable(`${what}: ${error?.message ?? said}`.replace(/[^.]$/, "$&."))
  }
}
