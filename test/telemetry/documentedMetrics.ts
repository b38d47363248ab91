import { readFileSync } from "node:fs"

/** A row of the table of docs/metrics.md. */
export interface DocumentedMetric {
  readonly name: string
  readonly labels: ReadonlyArray<string>
  readonly type: string
  readonly unit: string
  readonly question: string
  /** Only there where something is set up. */
  readonly optional: boolean
}

const text = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8")

/** Every metric that docs/metrics.md has. */
export const documented: ReadonlyArray<DocumentedMetric> = [
  ...text.matchAll(/^\| `(fulltape_\w+)(?:\{([\w,]+)\})?` \| (\w+) \| ([^|]+) \| ([^|]+) \|$/gm),
].map(([, name = "", labels, type = "", unit = "", question = ""]) => ({
  name,
  labels: labels?.split(",") ?? [],
  type,
  unit: unit.trim(),
  question: question.trim(),
  optional: question.includes("only where"),
}))
