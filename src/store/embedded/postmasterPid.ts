import { readFileSync } from "node:fs"
import * as path from "node:path"
import { type Folder } from "./Folder.ts"
import { commandOf, lifeOf } from "./processes.ts"

/** A live server of the folder. */
export interface Running {
  readonly _tag: "Running"
  readonly pid: number
  readonly life: string
  readonly port: number
  /** By its own account. */
  readonly ready: boolean
}

/** What PostgreSQL's `postmaster.pid` tells; `Gone`: its server is no more, the process id may be another program's. */
export type Found = { readonly _tag: "None" } | { readonly _tag: "Gone"; readonly pid: number } | Running

/** Looks for a server that runs on the folder's cluster. */
export const findPostmaster = (folder: Folder): Found => {
  const lines = linesOf(path.join(folder.cluster, "postmaster.pid"))
  const pid = Number(lines[0] ?? 0)
  if (!(pid > 0)) return { _tag: "None" }
  const life = lifeOf(pid)
  if (life === undefined) return { _tag: "Gone", pid }
  // Only the postmaster bears the folder's name: its children have titles of their own.
  const command = commandOf(pid)
  if (command !== undefined && !command.includes(folder.cluster)) return { _tag: "Gone", pid }
  return { _tag: "Running", pid, life, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === "ready" }
}

const linesOf = (file: string): ReadonlyArray<string> => {
  try {
    return readFileSync(file, "utf8").split("\n")
  } catch {
    return []
  }
}
