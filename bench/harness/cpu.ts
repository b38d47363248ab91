import { readdirSync, readFileSync } from "node:fs"

/** Of `/proc`, on every Linux. */
const TICKS_A_SECOND = 100

/** The fields of `/proc/<pid>/stat` behind the name; empty for a process that is gone. */
const statOf = (pid: number): ReadonlyArray<string> => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    return text.slice(text.lastIndexOf(")") + 2).split(" ")
  } catch {
    return []
  }
}

const seconds = (fields: ReadonlyArray<string>, from: number, to: number): number =>
  fields.slice(from, to).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_A_SECOND

/** Seconds of CPU that a process has used, in user and in kernel mode. */
export const cpuSecondsOf = (pid: number): number => seconds(statOf(pid), 11, 13)

/** The same of a process and all children that it has or had: a PostgreSQL server with its sessions. */
export const cpuSecondsWithChildren = (pid: number): number =>
  seconds(statOf(pid), 11, 15) +
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((fields) => Number(fields[1]) === pid)
    .reduce((sum, fields) => sum + seconds(fields, 11, 13), 0)

/** Seconds of CPU that all cores together have worked since the system began; NaN where it does not tell. */
export const busySeconds = (): number => {
  try {
    const [, user, nice, system, , , irq, softirq] =
      readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/) ?? []
    return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_A_SECOND
  } catch {
    return Number.NaN
  }
}

/** The largest resident set that a process ever had, in MiB; NaN where the system does not tell. */
export const peakMebibytesOf = (pid: number): number => {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}
