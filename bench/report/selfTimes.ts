interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

/** A function with its share of the time that the process was not idle. */
export interface SelfTime {
  readonly name: string
  readonly where: string
  readonly share: number
}

/** The functions of a CPU profile of V8, those first in whose own code most time passed. */
export const selfTimes = (json: string): ReadonlyArray<SelfTime> => {
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(json)
  const named = new Map(
    nodes.map(({ callFrame: { functionName, lineNumber, url }, id }) => [
      id,
      {
        name: functionName === "" ? "(anonymous)" : functionName,
        where: url === "" ? "" : `${shortened(url)}:${lineNumber + 1}`,
      },
    ]),
  )
  const times = new Map<string, SelfTime>()
  let total = 0
  samples.forEach((id, index) => {
    const { name, where } = named.get(id) ?? { name: "?", where: "" }
    if (name === "(idle)") return
    const time = timeDeltas[index] ?? 0
    const key = `${name} ${where}`
    total += time
    times.set(key, { name, where, share: (times.get(key)?.share ?? 0) + time })
  })
  return [...times.values()].map((time) => ({ ...time, share: time.share / total })).sort((a, b) => b.share - a.share)
}

const shortened = (url: string): string =>
  url.includes("/node_modules/") ? url.replace(/^.*\/node_modules\//, "") : url.replace(/^.*\/dist\//, "dist/")

/** The same by where the functions are: a package, a folder of ours, Node, or what V8 does by itself. */
export const sharesOf = (times: ReadonlyArray<SelfTime>): ReadonlyArray<readonly [place: string, share: number]> => {
  const shares = new Map<string, number>()
  for (const { name, share, where } of times) {
    const place = placeOf(name, where)
    shares.set(place, (shares.get(place) ?? 0) + share)
  }
  return [...shares].sort(([, a], [, b]) => b - a)
}

const placeOf = (name: string, where: string): string => {
  if (where.startsWith("node:")) return "Node"
  if (where === "") return name.startsWith("(") ? name : "built into Node and V8"
  const [first = "", second = ""] = where.split("/")
  return first === "dist" || first.startsWith("@") ? `${first}/${second.replace(/:.*$/, "")}` : first
}
