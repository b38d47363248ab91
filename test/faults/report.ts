import { type Outcome } from "./Run.ts"

/** What a person reads about one run; the log of the service only where it failed, and with `flags` how to run it again. */
export const report = (
  { figures, log, notes, problems, schedule, seconds }: Outcome,
  flags: ReadonlyArray<string>,
): string => {
  const { endsWith, market, seed, settings } = schedule
  const failed = problems.length > 0
  const variables = Object.entries(settings).map(([name, value]) => `${name}="${value}"`)
  return [
    `seed ${seed} ${failed ? "FAILED" : "passed"} in ${seconds.toFixed(1)} s: ${figures}`,
    `  ${market.symbols.join(", ")} at ${market.rate} trades a second${market.startId === undefined ? "" : ` from id ${market.startId} on`}, ${variables.join(" ")}, ended with ${endsWith}`,
    ...notes.map((note) => `  ${note}`),
    ...problems.map((problem) => `  WRONG: ${problem}`),
    ...(failed
      ? [
          ...log.map((line) => `  | ${line}`),
          `  again: npm run test:faults -- ${["--runs", "1", "--seed", seed, ...flags].join(" ")}`,
        ]
      : []),
  ].join("\n")
}
