import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { errorCode } from "./EmbeddedPostgresError.ts"

/**
 * Says which life of a process id this is: two calls answer the same only while the same process lives.
 * `undefined`: no process, or one that has ended and waits to be reaped. Where the system does not tell when a
 * process started (Windows), every life looks alike.
 */
export const lifeOf = (pid: number): string | undefined => {
  if (process.platform === "linux") return linuxLifeOf(pid)
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    if (errorCode(error) !== "EPERM") return undefined
  }
  return process.platform === "win32" ? "alive" : ps(pid, "lstart=")
}

/** The command line of a live process, as far as the system tells it. */
export const commandOf = (pid: number): string | undefined =>
  process.platform === "linux"
    ? readText(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ")
    : process.platform === "win32"
      ? undefined
      : ps(pid, "command=")

/** Sends a signal; a process that is gone by then is no error. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error
  }
}

const linuxLifeOf = (pid: number): string | undefined => {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the name in parentheses and may hold anything, so count from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields[0] === "Z" || fields[0] === "X") return undefined
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim() ?? ""
  return `${boot} ${fields[19]}`
}

const ps = (pid: number, column: string): string | undefined => {
  try {
    const text = execFileSync("ps", ["-ww", "-o", column, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim()
    return text === "" ? undefined : text
  } catch {
    return undefined
  }
}

const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
