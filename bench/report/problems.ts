import { type ContenderName, contenderNames } from "../harness/Contender.ts"
import { settings } from "../measures/sustained.ts"
import { type Part } from "../parts.ts"
import { type Report } from "./Report.ts"

type Problems = ReadonlyArray<string>

const absent = (title: string, found: ReadonlyArray<{ readonly name: ContenderName }>): Problems =>
  contenderNames
    .filter((name) => !found.some((part) => part.name === name))
    .map((name) => `${title} has nothing of ${name}`)

const ofRates = ({ atRates }: Report): Problems => {
  const rates = [...new Set(atRates.map(({ rate }) => rate))]
  if (rates.length === 0) return ["no rate was measured"]
  return [
    ...rates.flatMap((rate) =>
      absent(
        `${rate}/s`,
        atRates.filter((trial) => trial.rate === rate),
      ),
    ),
    ...atRates
      .filter(
        ({ afterClose, cpu, latency, name }) =>
          name === "fulltape" && [cpu.process, latency.p99, afterClose.p99].includes(null),
      )
      .map(({ rate }) => `${rate}/s has no figures of fulltape`),
  ]
}

const ofCuts = ({ cuts }: Report): Problems => [
  ...absent("cuts", cuts),
  ...cuts
    .filter(({ missing, name }) => name === "fulltape" && missing > 0)
    .map(({ missing }) => `Fulltape has ${missing} trades not stored after the cuts`),
]

const ofRepair = ({ repair }: Report): Problems =>
  repair.some(({ perSecond }) => perSecond !== null)
    ? repair.filter(({ missing }) => missing > 0).map(({ missing }) => `Fulltape has ${missing} trades not repaired`)
    : ["no repair was measured"]

const ofSustained = ({ sustained }: Report): Problems =>
  settings
    .filter(({ batchSize, name }) => {
      const found = sustained.find((setting) => setting.name === name && setting.batchSize === batchSize)
      return found === undefined || found.rounds.some(({ trials }) => trials.length === 0)
    })
    .map(({ batchSize, name }) => `no sustained rate of ${name} in batches of ${batchSize} was searched`)

const problems: Readonly<Record<Part, (report: Report) => Problems>> = {
  imports: ({ imports }) => absent("imports", imports),
  rates: ofRates,
  subscribers: ({ subscribers }) => absent("subscribers", subscribers),
  cuts: ofCuts,
  repair: ofRepair,
  sustained: ofSustained,
}

/** What a run lacks, whatever its figures are: a part that measured nobody, or trades that Fulltape lost. */
export const problemsOf = (report: Report): Problems => report.parts.flatMap((part) => problems[part](report))
