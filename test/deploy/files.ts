import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"

export const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export const read = (path: string): string => readFileSync(pathOf(path), "utf8")

/** A YAML or JSON file of the project, decoded; more than the schema names may be in it. */
export const decoded = <S extends Schema.ConstraintDecoder<unknown>>(path: string, schema: S): S["Type"] => {
  const content: unknown = parse(read(path), { merge: true })
  return Schema.decodeUnknownSync(schema)(content)
}

/** What the first group of a pattern matches, each once. */
export const matches = (text: string, pattern: RegExp): ReadonlyArray<string> => [
  ...new Set([...text.matchAll(pattern)].map(([, found = ""]) => found)),
]
