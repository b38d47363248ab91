import { matches, read } from "./files.ts"

/** The instructions of the last stage, in their order: each a line, continued lines made one. */
export const instructions: ReadonlyArray<{ readonly name: string; readonly rest: string }> = (
  read("Dockerfile")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, " ")
    .split(/^(?=FROM )/m)
    .at(-1) ?? ""
)
  .split("\n")
  .flatMap((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    return name === "" ? [] : [{ name, rest }]
  })

const restOf = (wanted: string): ReadonlyArray<string> =>
  instructions.flatMap(({ name, rest }) => (name === wanted ? [rest] : []))

const words = (json: string): ReadonlyArray<string> => {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? parsed.map(String) : []
}

/** What the image runs. */
export const command = words(restOf("CMD").at(-1) ?? "[]")

/** What it is asked with whether it lives. */
export const healthcheck = words(/CMD (\[.*\])$/.exec(restOf("HEALTHCHECK").at(-1) ?? "")?.[1] ?? "[]")

/** The variables that it sets. */
export const environment: Readonly<Record<string, string>> = Object.fromEntries(
  restOf("ENV").flatMap((line) => [...line.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value])),
)

/** The port that it listens on. */
export const port = restOf("EXPOSE").at(-1) ?? ""

/** Whom it runs as. */
export const user = restOf("USER").at(-1) ?? ""

/** Which files of the project are copied into the image, and where. */
export const copied = instructions.flatMap(({ name, rest }) => {
  if (name !== "COPY") return []
  const parts = rest.split(" ").filter((part) => !part.startsWith("--"))
  const to = parts.at(-1) ?? ""
  return parts.slice(0, -1).map((from) => ({ from: from.replace(/^\/app\//, ""), to }))
})

/** The command that gets the packages. */
export const install =
  matches(
    read("Dockerfile")
      .split(/^FROM /m)
      .at(-1) ?? "",
    /^RUN (npm ci .*)$/gm,
  ).at(0) ?? ""
