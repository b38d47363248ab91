import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { countIds } from "../market/IdRange.ts"
import { Settings } from "../Settings.ts"
import { completeness, type SymbolCompleteness } from "../store/completeness.ts"
import { DatabaseUnusable } from "../store/DatabaseUnusable.ts"
import { sqlFailure } from "../store/sqlFailure.ts"
import { listedRanges } from "./listed.ts"

/** The database misses trades, holds some twice or otherwise than the exchange, or could not be compared as it was asked. */
export class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", { message: Schema.String }) {}

const flags = {
  /** `npm run demo` keeps its trades apart, and a person wants to check those too. */
  demo: Flag.Boolean("demo").pipe(Flag.withDescription("Check the database of the demo"), Flag.withDefault(false)),
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("Exit 1 for trades too that cannot be had any more"),
    Flag.withDefault(false),
  ),
  against: Flag.Literals("against", ["rest"]).pipe(
    Flag.withDescription("Compare samples of the stored trades, value by value, with what the exchange says over REST"),
    Flag.optional,
  ),
  samples: Flag.Int("samples").pipe(
    Flag.withDescription(
      "With --against: pages of up to 1,000 trades for each symbol, the first, the last and others at random; 1: the last. " +
        "A page costs 25 of the 6,000 request weight that Binance allows an address in a minute",
    ),
    Flag.filter(
      (samples) => samples >= 1,
      (samples) => `${samples} is below 1`,
    ),
    Flag.withDefault(10),
  ),
}

export const verify = Command.make("verify", flags, ({ against, demo, samples, strict }) =>
  Effect.gen(function* () {
    const symbols = yield* completeness.pipe(
      Effect.mapError(
        (error) => new DatabaseUnusable({ message: `The trades could not be counted: ${sqlFailure(error).detail}.` }),
      ),
    )
    if (symbols.length === 0) return yield* Console.log("The database holds no trades yet.")
    yield* Effect.forEach(symbols, (symbol) => Console.log(described(symbol)), { discard: true })
    const compared = Option.isSome(against) ? yield* compare(symbols, samples) : { problems: [], notMade: [] }
    const problems = [...problemsOf(symbols, strict), ...compared.problems]
    const sentences = [...(problems.length > 0 ? [`${problems.join(", ")}.`] : []), ...compared.notMade]
    if (sentences.length > 0) return yield* new Incomplete({ message: sentences.join(" ") })
    const unfillable = sum(symbols, (symbol) => countIds(symbol.unfillable))
    yield* Console.log(
      unfillable === 0n
        ? "Every trade from the first to the last of each symbol is stored exactly once."
        : `Every trade from the first to the last of each symbol is stored exactly once, but for ${unfillable} that cannot be had.`,
    )
  }).pipe(
    Effect.provide(Fulltape.databaseBeside({ mustExist: true })),
    // Every statement would be a trace of its own.
    Effect.withTracerEnabled(false),
    Effect.provide(Settings.layer(demo ? { dataFolder: "demo", fixed: { DATABASE_URL: "" } } : {})),
  ),
).pipe(
  Command.withDescription(
    "Count the stored trades: exits 1 when one is missing or stored twice, or differs from the exchange's",
  ),
)

/** Loaded where it is asked for: every command is in the service's program. */
const compare = Effect.fnUntraced(function* (symbols: ReadonlyArray<SymbolCompleteness>, samples: number) {
  const { compareWithRest } = yield* Effect.promise(() => import("./compareWithRest.ts"))
  return yield* compareWithRest(symbols, samples)
})

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
    ...listedRanges("open", open, ({ cause, lastError }) => (lastError === null ? cause : `${cause}; ${lastError}`)),
    ...listedRanges("lost", lost, () => "in no record"),
    ...listedRanges("unfillable", unfillable, ({ cause, lastError }) => lastError ?? cause),
  ].join("\n")
}
