import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { fields } from "../../src/telemetry/fields.ts"
import { spans } from "../../src/telemetry/spans.ts"

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const read = (path: string): string => readFileSync(pathOf(path), "utf8")

const sources = readdirSync(pathOf("src"), { recursive: true, encoding: "utf8" })
  .filter(
    (name) => name.endsWith(".ts") && !name.startsWith("simulator") && !/telemetry\/(fields|spans)\.ts$/.test(name),
  )
  .map((name) => read(`src/${name}`))
const source = sources.join("\n")
const document = read("docs/traces-and-logs.md")

const all = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map(([, found = ""]) => found)

/** The first two cells of each row of the table that begins so. */
const table = (head: string): ReadonlyArray<readonly [string, string]> => {
  const [rows = ""] = all(document, new RegExp(`^\\| ${head} \\|.*\\n\\|[-|]+\\|\\n((?:\\|.*\\n)+)`, "gm"))
  return [...rows.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(([, name = "", meaning = ""]) => [name, meaning])
}

describe("the fields of the log", () => {
  it("are those that the program writes", () => {
    const annotated = all(source, /(?:annotateLogs\(|noting\()(?:[\w.]+, )?\{([^}]*)\}/g)
    const written = annotated.flatMap((body) => all(`${body},`, /(?:^|,)\s*(\w+)(?=\s*[:,])/g))
    const [snapshot = ""] = all(read("src/telemetry/Performance.ts"), /interface PerformanceSnapshot \{([^}]*)\}/g)
    const measured = all(snapshot, /readonly (\w+):/g)
    const [reserved = ""] = all(read("src/telemetry/LogEvent.ts"), /new Set\(\[([^\]]*)\]\)/g)
    const own = all(reserved, /"(\w+)"/g)
    assert.isAbove(written.length, 12)
    assert.sameMembers([...new Set([...own, ...written, ...measured])], Object.keys(fields))
  })

  it("are documented, with what they mean", () => {
    assert.deepStrictEqual(table("field"), Object.entries(fields))
  })
})

describe("the spans", () => {
  it("are those that the program makes", () => {
    const made = all(
      source,
      /(?:withSpan|makeSpan|Effect\.fn|traced|begin)\(\s*(?:[^()"]*(?:\([^()]*\))?,\s*)?"([^"]+)"/g,
    )
    assert.sameMembers([...new Set(made)], Object.keys(spans))
  })

  it("are documented, with what they cover", () => {
    assert.deepStrictEqual(table("span"), Object.entries(spans))
  })
})
