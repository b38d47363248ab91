import { copyFileSync, existsSync, openSync, readFileSync, statSync, truncateSync } from "node:fs"
import { handOver } from "./handOver.ts"

/** The log is moved to `server.log.1` beyond this size, so that both together stay below twice of it. */
const limit = 8 * 1024 * 1024

/** Opens the log for a server that appends to it, and which may live longer than this process. */
export const openLog = (file: string): number => {
  const log = openSync(file, "a", 0o600)
  handOver(file)
  return log
}

/** Keeps the log bounded while a server appends to it. */
export const trimLog = (file: string): void => {
  if (sizeOf(file) <= limit) return
  copyFileSync(file, `${file}.1`)
  handOver(`${file}.1`)
  truncateSync(file)
}

/** The bytes that are in the log now. */
export const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0)

/** What was written after the first `from` bytes. */
export const logSince = (file: string, from: number): string =>
  existsSync(file) ? readFileSync(file).subarray(from).toString() : ""

/** The last line of a log text that says why, without its date. */
export const lastReason = (text: string): string => {
  const lines = text.trim().split("\n")
  const line = lines.findLast((_) => /(FATAL|PANIC|error):/i.test(_)) ?? lines.at(-1) ?? ""
  return line.replace(/^.*?(FATAL|PANIC|error):\s*/i, "").trim() || "it says nothing"
}
