import { Effect, Metric, Schema } from "effect"
import * as Metrics from "../telemetry/Metrics.ts"
import * as totals from "../telemetry/totals.ts"

const ids = (description: string) => Schema.Int.annotate({ description })
const seconds = (description: string) => Schema.Finite.annotate({ description })

/** What is missing of what was promised, and what waits. */
export const completenessFields = {
  gaps: Schema.Struct({
    open: ids("Runs of trade ids that are missing and still to be fetched"),
    missingIds: ids("The ids in them"),
  }).annotate({ description: "As the ledger told within the last 5 s" }),
  frontiers: Schema.Array(
    Schema.Struct({
      symbol: Schema.String,
      lagIds: ids("From the frontier, up to which nothing is missing, to the highest committed id"),
      lagSeconds: seconds("Since the trade at the frontier"),
    }),
  ).annotate({ description: "Of the symbols that miss something, as the ledger told within the last 5 s" }),
  uncommitted: Schema.Struct({
    trades: ids("Received and not committed, in memory or on disk"),
    oldestSeconds: seconds("How long the oldest of them has been waiting"),
  }),
  spill: Schema.Struct({
    trades: ids("On disk, waiting for the database"),
    bytes: ids("What they take"),
  }),
}

const Completeness = Schema.Struct(completenessFields)

/** Reads it off the metrics. */
export const completeness = Effect.fnUntraced(function* (symbols: ReadonlyArray<string>) {
  const frontiers: Array<(typeof Completeness.Type)["frontiers"][number]> = []
  for (const symbol of symbols) {
    const lagIds = yield* read(Metrics.frontierLagIds(symbol))
    if (lagIds > 0) frontiers.push({ symbol, lagIds, lagSeconds: yield* read(Metrics.frontierLagSeconds(symbol)) })
  }
  return {
    gaps: { open: yield* read(Metrics.openGaps), missingIds: yield* read(Metrics.missingIds) },
    frontiers,
    uncommitted: {
      trades: yield* totals.buffered,
      oldestSeconds: yield* read(Metrics.oldestUncommittedSeconds),
    },
    spill: { trades: yield* read(Metrics.spillTrades), bytes: yield* read(Metrics.spillBytes) },
  } satisfies typeof Completeness.Type
})

/** One sentence for each thing that is wrong with it. */
export const problemsOf = ({
  gaps,
  spill,
}: Pick<typeof Completeness.Type, "gaps" | "spill">): ReadonlyArray<string> => [
  ...(gaps.open === 0 ? [] : [`${gaps.missingIds} trades are missing and still to be fetched; verify lists them.`]),
  ...(spill.trades === 0
    ? []
    : [
        `${spill.trades} trades wait on disk, because the database does not take them; they are committed when it does.`,
      ]),
]

const read = (gauge: Metric.Gauge<number>) => Effect.map(Metric.value(gauge), ({ value }) => value)
