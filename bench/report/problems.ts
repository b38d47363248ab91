import { contenderNames } from "../harness/Contender.ts"
import { settings } from "../measures/sustained.ts"
import { type Report } from "./Report.ts"

/** What a run lacks, whatever its figures are: a part that measured nobody, or trades that Fulltape lost. */
export const problemsOf = ({ atRates, cuts, imports, subscribers, sustained }: Report): ReadonlyArray<string> => {
  const rates = [...new Set(atRates.map(({ rate }) => rate))]
  const parts = [
    ...rates.map((rate) => ({ title: `${rate}/s`, found: atRates.filter((trial) => trial.rate === rate) })),
    { title: "subscribers", found: subscribers },
    { title: "cuts", found: cuts },
    { title: "imports", found: imports },
  ]
  const absent = parts.flatMap(({ found, title }) =>
    contenderNames
      .filter((name) => !found.some((part) => part.name === name))
      .map((name) => `${title} has nothing of ${name}`),
  )
  const unmeasured = atRates
    .filter(({ cpu, latency, name }) => name === "fulltape" && [cpu.process, latency.p99].includes(null))
    .map(({ rate }) => `${rate}/s has no figures of fulltape`)
  const searched = settings
    .filter(({ batchSize, name }) => {
      const found = sustained.find((setting) => setting.name === name && setting.batchSize === batchSize)
      return found === undefined || found.rounds.some(({ trials }) => trials.length === 0)
    })
    .map(({ batchSize, name }) => `no sustained rate of ${name} in batches of ${batchSize} was searched`)
  const lost = cuts
    .filter(({ missing, name }) => name === "fulltape" && missing > 0)
    .map(({ missing }) => `Fulltape has ${missing} trades not stored after the cuts`)
  return [...(rates.length === 0 ? ["no rate was measured"] : []), ...absent, ...unmeasured, ...searched, ...lost]
}
