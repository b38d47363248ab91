import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { Settings } from "../Settings.ts"
import { completeness, MOST_RANGES, type SymbolCompleteness } from "../store/completeness.ts"
import { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { sqlFailure } from "../store/sqlFailure.ts"

/** The database misses ids, or holds some twice. */
export class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", {
  missing: Schema.BigInt,
  duplicates: Schema.BigInt,
}) {
  override get message(): string {
    return `${this.missing} trades are missing and ${this.duplicates} are stored twice.`
  }
}

/** `npm run demo` keeps its trades apart, and a person wants to check those too. */
const demo = Flag.Boolean("demo").pipe(Flag.withDescription("Check the database of the demo"), Flag.withDefault(false))

export const verify = Command.make("verify", { demo }, ({ demo }) =>
  Effect.gen(function* () {
    const symbols = yield* completeness.pipe(
      Effect.mapError(
        (error) => new DatabaseUnusable({ message: `The trades could not be counted: ${sqlFailure(error).detail}.` }),
      ),
    )
    if (symbols.length === 0) return yield* Console.log("The database holds no trades yet.")
    yield* Effect.forEach(symbols, (symbol) => Console.log(lines(symbol)), { discard: true })
    const missing = symbols.reduce((sum, symbol) => sum + symbol.missing, 0n)
    const duplicates = symbols.reduce((sum, symbol) => sum + symbol.duplicates, 0n)
    if (missing + duplicates > 0n) return yield* new Incomplete({ missing, duplicates })
    yield* Console.log("Every trade between the first and the last of each symbol is stored exactly once.")
  }).pipe(
    Effect.provide(Fulltape.databaseBeside({ mustExist: true })),
    Effect.provide(Settings.layer(demo ? { dataFolder: "demo", fixed: { DATABASE_URL: "" } } : {})),
  ),
).pipe(Command.withDescription("Count the stored trades: exits 1 when one is missing or stored twice"))

const lines = (symbol: SymbolCompleteness): string => {
  const { first, last, rows, distinct, duplicates, missing, ranges } = symbol
  const counts = `${symbol.symbol}: ids ${first} to ${last}, ${rows} rows, ${distinct} distinct ids, ${duplicates} duplicates, ${missing} missing`
  const listed = ranges
    .slice(0, MOST_RANGES)
    .map((range) => `\n  missing ${range.first} to ${range.last} (${range.last - range.first + 1n})`)
  return counts + listed.join("") + (ranges.length > MOST_RANGES ? "\n  …" : "")
}
