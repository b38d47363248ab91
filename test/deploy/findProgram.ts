import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { say } from "../../scripts/services/say.ts"
import { Unavailable } from "../../scripts/services/Unavailable.ts"

/** A program, or why there is none. */
export type Found = { readonly path: string } | { readonly missing: string }

export interface Wanted {
  readonly name: string
  /** The variable that may name another one. */
  readonly variable: string
  /** Puts it into a folder and gives its path, where it is not to be found. Throws Unavailable. */
  readonly fetch?: (folder: string) => string
}

/** The program that a variable names, or that of the PATH, or one that is fetched and removed with the process. */
export const findProgram = ({ fetch, name, variable }: Wanted): Found => {
  const named = process.env[variable] ?? ""
  if (named !== "") return { path: named }
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
  if (onPath !== undefined) return { path: onPath }
  if (fetch === undefined) return { missing: `there is no ${name}: set ${variable}` }
  const folder = mkdtempSync(join(tmpdir(), "fulltape-program-"))
  // Whoever runs it need not be the one who fetches it.
  chmodSync(folder, 0o755)
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  try {
    return { path: fetch(folder) }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { missing: `there is no ${name}: ${error.message} ${variable} may name one` }
  }
}

/** Whether a suite has to be skipped, which is said; with CI set everything has to run. */
export const isSkipped = (suite: string, found: Found): boolean => {
  if (!("missing" in found) || !["", "0", "false"].includes(process.env["CI"] ?? "")) return false
  say(`SKIPPED, the tests of ${suite}: ${found.missing}`)
  return true
}

/** The path of what was found; a defect with the reason where it was not. */
export const pathTo = (found: Found): string => {
  if ("missing" in found) throw new Error(found.missing)
  return found.path
}
