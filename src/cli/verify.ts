import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { countIds, type IdRange } from "../market/IdRange.ts"
import { Settings } from "../Settings.ts"
import { completeness, type SymbolCompleteness } from "../store/completeness.ts"
import { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { sqlFailure } from "../store/sqlFailure.ts"

/** The database misses trades, or holds some twice. */
export class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", { message: Schema.String }) {}

/** How many ranges of a kind are listed for a symbol. */
const MOST_RANGES = 10

const flags = {
  /** `npm run demo` keeps its trades apart, and a person wants to check those too. */
  demo: Flag.Boolean("demo").pipe(Flag.withDescription("Check the database of the demo"), Flag.withDefault(false)),
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("Exit 1 for trades too that cannot be had any more"),
    Flag.withDefault(false),
  ),
}

export const verify = Command.make("verify", flags, ({ demo, strict }) =>
  Effect.gen(function* () {
    const symbols = yield* completeness.pipe(
      Effect.mapError(
        (error) => new DatabaseUnusable({ message: `The trades could not be counted: ${sqlFailure(error).detail}.` }),
      ),
    )
    if (symbols.length === 0) return yield* Console.log("The database holds no trades yet.")
    yield* Effect.forEach(symbols, (symbol) => Console.log(described(symbol)), { discard: true })
    const problems = problemsOf(symbols, strict)
    if (problems.length > 0) return yield* new Incomplete({ message: `${problems.join(", ")}.` })
    const unfillable = sum(symbols, (symbol) => countIds(symbol.unfillable))
    yield* Console.log(
      unfillable === 0n
        ? "Every trade from the first to the last of each symbol is stored exactly once."
        : `Every trade from the first to the last of each symbol is stored exactly once, but for ${unfillable} that cannot be had.`,
    )
  }).pipe(
    Effect.provide(Fulltape.databaseBeside({ mustExist: true })),
    Effect.provide(Settings.layer(demo ? { dataFolder: "demo", fixed: { DATABASE_URL: "" } } : {})),
  ),
).pipe(Command.withDescription("Count the stored trades: exits 1 when one is missing or stored twice"))

const problemsOf = (symbols: ReadonlyArray<SymbolCompleteness>, strict: boolean): ReadonlyArray<string> => {
  const counts: ReadonlyArray<readonly [bigint, string]> = [
    [sum(symbols, ({ open }) => countIds(open)), "trades are missing and still to be fetched"],
    [sum(symbols, ({ lost }) => countIds(lost)), "trades are missing without a trace"],
    [sum(symbols, ({ duplicates }) => duplicates), "rows are there twice"],
    [sum(symbols, ({ contradicted }) => contradicted), "rows contradict the ledger"],
    [strict ? sum(symbols, ({ unfillable }) => countIds(unfillable)) : 0n, "trades cannot be had"],
  ]
  return counts.flatMap(([count, what]) => (count === 0n ? [] : [`${count} ${what}`]))
}

const sum = (symbols: ReadonlyArray<SymbolCompleteness>, of: (symbol: SymbolCompleteness) => bigint): bigint =>
  symbols.reduce((total, symbol) => total + of(symbol), 0n)

const described = (symbol: SymbolCompleteness): string => {
  const { frontier, high, open, origin, rows, unfillable, lost } = symbol
  return [
    `${symbol.symbol}: ids ${origin} to ${high}, complete to ${frontier}, ${rows} rows, ${symbol.duplicates} duplicates, ${countIds(open) + countIds(lost)} missing, ${countIds(unfillable)} unfillable`,
    ...listed("open", open, ({ cause, lastError }) => (lastError === null ? cause : `${cause}; ${lastError}`)),
    ...listed("lost", lost, () => "in no record"),
    ...listed("unfillable", unfillable, ({ cause, lastError }) => lastError ?? cause),
  ].join("\n")
}

const listed = <A extends IdRange>(kind: string, ranges: ReadonlyArray<A>, why: (range: A) => string) => [
  ...ranges
    .slice(0, MOST_RANGES)
    .map((range) => `  ${kind} ${range.first} to ${range.last} (${range.last - range.first + 1n}): ${why(range)}`),
  ...(ranges.length > MOST_RANGES ? [`  … and ${ranges.length - MOST_RANGES} more`] : []),
]
