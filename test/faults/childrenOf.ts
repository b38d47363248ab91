import { execFileSync } from "node:child_process"

/** The processes that a process has started and that still run. */
export const childrenOf = (pid: number): ReadonlyArray<number> => {
  const list = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
  return list.split("\n").flatMap((line) => {
    const [child = "", parent = ""] = line.trim().split(/\s+/)
    return Number(parent) === pid ? [Number(child)] : []
  })
}
