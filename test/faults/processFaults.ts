import { type ProcessKind } from "./Kind.ts"
import { type ProcessFault } from "./PlannedFault.ts"
import { type Random } from "./Random.ts"

/** Draws the details of a fault of the service's process. */
export const drawProcessFault = (kind: ProcessKind, random: Random): ProcessFault => ({
  side: "process",
  kind,
  at: random.between(100, kind === "secondInstance" ? 1_400 : kind === "kill" ? 3_600 : 3_000),
  lasts: kind === "secondInstance" ? random.between(500, 1_500) : kind === "diskFull" ? 2_200 : 0,
  pause: kind === "diskFull" ? random.pick([0, 0, 150, 300]) : random.between(0, 500),
  endsWith: random.pick(["SIGKILL", "SIGTERM"] as const),
  megabytes: random.between(1, 2),
})
