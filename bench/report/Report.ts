import { Schema } from "effect"
import { contenderNames } from "../harness/Contender.ts"
import { parts } from "../parts.ts"

const Name = Schema.Literals(contenderNames)
/** null: of a contender that was so far behind that there was nothing to measure. */
const Measured = Schema.NullOr(Schema.Finite)
const Quantiles = Schema.Struct({ p50: Measured, p99: Measured, p999: Measured })

/** What a run of the bench found; milliseconds, MiB and µs of CPU a trade unless a name says otherwise. */
export const Report = Schema.Struct({
  command: Schema.String,
  /** Whether it was hardly anything of everything, which says nothing of how fast anything is. */
  quick: Schema.Boolean,
  /** What was measured; the others are empty. */
  parts: Schema.Array(Schema.Literals(parts)),
  seed: Schema.String,
  startedAt: Schema.String,
  /** How long it took. */
  seconds: Schema.Finite,
  machine: Schema.Struct({
    cpu: Schema.String,
    cores: Schema.Int,
    memoryGibibytes: Schema.Finite,
    system: Schema.String,
    /** Of the minute before it began: 0 on a machine that does nothing else. */
    load: Schema.Finite,
    /** Cores that other programs kept busy meanwhile, on average: figures mean little when they are many. */
    othersCores: Schema.Finite,
  }),
  versions: Schema.Record(Schema.String, Schema.String),
  sustained: Schema.Array(
    Schema.Struct({
      name: Name,
      batchSize: Schema.Int,
      rounds: Schema.Array(
        Schema.Struct({
          perSecond: Schema.NullOr(Schema.Finite),
          cpu: Measured,
          trials: Schema.Array(Schema.Struct({ rate: Schema.Int, sustained: Schema.Boolean, missing: Schema.Int })),
        }),
      ),
    }),
  ),
  atRates: Schema.Array(
    Schema.Struct({
      name: Name,
      rate: Schema.Int,
      committedPerSecond: Schema.Finite,
      missing: Schema.Int,
      latency: Quantiles,
      afterClose: Quantiles,
      lagAtEnd: Measured,
      cpu: Schema.Struct({ process: Measured, database: Measured, simulator: Measured }),
      peakMebibytes: Schema.Finite,
      firstStored: Schema.Finite,
    }),
  ),
  subscribers: Schema.Array(Schema.Struct({ name: Name, rate: Schema.Int, missing: Schema.Int, arrivals: Quantiles })),
  cuts: Schema.Array(Schema.Struct({ name: Name, cuts: Schema.Int, rate: Schema.Int, missing: Schema.Int })),
  /** Of Fulltape alone: nobody else repairs. */
  repair: Schema.Array(
    Schema.Struct({
      name: Name,
      behind: Schema.Int,
      perSecond: Measured,
      missing: Schema.Int,
      cpu: Schema.Struct({ process: Measured, database: Measured, simulator: Measured }),
    }),
  ),
  imports: Schema.Array(Schema.Struct({ name: Name, bare: Schema.Finite, imported: Schema.Finite })),
})
export type Report = typeof Report.Type
