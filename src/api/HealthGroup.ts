import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { BinanceCheck, DatabaseCheck, LiveCheck, PartCheck, ReadyCheck, time } from "./HealthChecks.ts"
import { completenessFields } from "./Completeness.ts"
import { upDegradedOrDown, upOrDown } from "./statusCodes.ts"

const reportFields = {
  service: Schema.String,
  version: Schema.String,
  uptime: Schema.Finite.annotate({ description: "Seconds since the process started" }),
  since: time("When it entered this status"),
  ready: Schema.Boolean.annotate({ description: "Whether trades are being stored, as /health/ready says" }),
  checks: Schema.Struct({
    pipeline: PartCheck,
    database: DatabaseCheck,
    binance: BinanceCheck,
    spill: PartCheck,
    repair: PartCheck,
  }),
  ...completenessFields,
  problems: Schema.Array(Schema.String).annotate({
    description: "One sentence for each thing that is wrong, those included that the service lives with",
  }),
}

/** Whether the service does its work, and what is wrong if not. */
export const HealthReport = Schema.Struct({
  status: Schema.Literals(["up", "degraded", "down"]),
  ...reportFields,
}).annotate({
  identifier: "HealthReport",
  description: "Whether the service does its work, and what is wrong if not",
})
export type HealthReport = typeof HealthReport.Type

/** Whether the service, and each thing that it needs, works. */
export class HealthGroup extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("service", "/health", {
      success: upDegradedOrDown("Health", "The service", HealthReport.fields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Is the service up?",
        description:
          "Each part with its state, since when, and what to do. 503 with `down` only when the pipeline has ended by itself, which a restart mends. `degraded`, with 200: something is wrong, and a restart would not help; trades wait on disk while the database is away, and are asked for over REST when the exchange is back; or the service is still starting, and says what it waits for. `ready` says whether trades are being stored.",
      }),
    ),
    HttpApiEndpoint.get("database", "/health/db", {
      success: upOrDown("Database", "The database", DatabaseCheck.fields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Does the database answer?",
        description:
          "503 while it does not, or the service is still starting: to route requests elsewhere by, never to restart by. The service looks once a second, however many ask here, and answers what it saw last, at once.",
      }),
    ),
    HttpApiEndpoint.get("binance", "/health/binance", {
      success: upDegradedOrDown("Binance", "The exchange", BinanceCheck.fields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Is the exchange connected?",
        description:
          "Every connection, and the newest trade of every symbol. 503 while none is up, as at the start: to route requests elsewhere by, never to restart by. `degraded`, with 200: some are up.",
      }),
    ),
    HttpApiEndpoint.get("live", "/health/live", {
      success: upOrDown("Live", "The process", LiveCheck.fields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Would a restart help?",
        description:
          "For what restarts the service. 503 when the pipeline has ended by itself; 200 while it runs, starts or stops, whatever became of the database and the exchange. No answer at all says that the process is stuck.",
      }),
    ),
    HttpApiEndpoint.get("ready", "/health/ready", {
      success: upOrDown("Ready", "The service", ReadyCheck.fields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Are trades being stored?",
        description:
          "For what routes requests, never for what restarts the service. 200 while the pipeline runs, the database answers and at least one connection to the exchange is up; else 503.",
      }),
    ),
  )
  .annotateMerge(OpenApi.annotations({ title: "Health" })) {}
