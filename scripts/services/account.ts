import { readFileSync } from "node:fs"
import { Unavailable } from "./Unavailable.ts"

export const isRoot = process.getuid?.() === 0

/** Whom the server runs as where root runs the tests, since PostgreSQL refuses root. */
export const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (!isRoot) return undefined
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
  const account = ["postgres", "nobody"].flatMap((name) => accounts.filter(([found]) => found === name)).at(0)
  if (account === undefined) throw new Unavailable("There is no user postgres or nobody to run the server as.")
  return { uid: Number(account[2]), gid: Number(account[3]) }
}
