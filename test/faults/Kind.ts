/** Every kind of fault, by the side on which it happens. */
export const kinds = {
  stream: [
    "drop",
    "close",
    "refuse",
    "silence",
    "skip",
    "repeat",
    "reorder",
    "malformed",
    "foreign",
    "jump",
    "regress",
    "stall",
    "serverShutdown",
    "lifetime",
  ],
  rest: ["rest", "restHang", "restSlow", "restCut", "restEmpty", "restLate", "restFloor"],
  database: [
    "databaseStop",
    "databasePause",
    "databaseFull",
    "databaseSlow",
    "databaseCut",
    "databaseUnreachable",
    "answerLost",
  ],
  process: ["kill", "secondInstance", "diskFull"],
} as const

export type StreamKind = (typeof kinds.stream)[number]
export type RestKind = (typeof kinds.rest)[number]
export type DatabaseKind = (typeof kinds.database)[number]
export type ProcessKind = (typeof kinds.process)[number]
export type Kind = StreamKind | RestKind | DatabaseKind | ProcessKind

export const allKinds: ReadonlyArray<Kind> = [...kinds.stream, ...kinds.rest, ...kinds.database, ...kinds.process]

/** Those that a server which belongs to somebody else cannot have. */
export const needsOwnServer: ReadonlySet<Kind> = new Set(["databaseStop", "databasePause"])

/** What a person names: kinds, or whole sides. Undefined where a name is neither. */
export const kindsNamed = (names: ReadonlyArray<string>): ReadonlyArray<Kind> | undefined => {
  const sides: Readonly<Record<string, ReadonlyArray<Kind>>> = kinds
  const found = names.map((name) => sides[name] ?? allKinds.filter((kind) => kind === name))
  return found.some(({ length }) => length === 0) ? undefined : [...new Set(found.flat())]
}
