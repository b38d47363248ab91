import { readdirSync } from "node:fs"
import { matches, pathOf, read } from "./files.ts"

const sources = readdirSync(pathOf("src/telemetry"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => read(`src/telemetry/${file}`))
  .join("\n")

/** Every metric that the service has. */
export const defined: ReadonlySet<string> = new Set(matches(sources, /"(fulltape_[a-z0-9_]+)"/g))

/** The service's metrics in an expression; of a histogram the name without the part. */
export const asked = (expression: string): ReadonlyArray<string> =>
  matches(expression, /\b(fulltape_[a-z0-9_]+)/g).map((name) =>
    defined.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ""),
  )
