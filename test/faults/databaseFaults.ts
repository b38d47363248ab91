import { type DatabaseKind } from "./Kind.ts"
import { type DatabaseFault } from "./PlannedFault.ts"
import { type Random } from "./Random.ts"

/** Those during which nothing is committed. */
export const isAway = (kind: DatabaseKind): boolean =>
  kind !== "databaseSlow" && kind !== "databaseCut" && kind !== "answerLost"

/** Draws the details of a fault of the database; it is away for at most `most` milliseconds. */
export const drawDatabaseFault = (kind: DatabaseKind, random: Random, most: number): DatabaseFault => {
  const lasts = isAway(kind)
    ? random.between(Math.min(400, most), most)
    : kind === "databaseSlow"
      ? random.between(500, 2_500)
      : 0
  return {
    side: "database",
    kind,
    at: random.between(150, Math.min(5_200, 6_000 - lasts)),
    lasts,
    delay: random.between(50, 300),
  }
}
