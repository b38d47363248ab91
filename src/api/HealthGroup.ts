import { Schema } from "effect"
import { completenessFields } from "./Completeness.ts"
import { flavours } from "../store/Flavour.ts"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

const Status = Schema.Literals(["up", "down"])

const Detail = Schema.String.annotate({ description: "What is so, or what is wrong and what to do about it" })

const time = (description: string) => Schema.String.annotate({ format: "date-time", description })

/** Whether trades are on their way from the exchange to the database. */
export const PipelineCheck = Schema.Struct({ status: Status, detail: Detail }).annotate({
  identifier: "PipelineCheck",
  description: "Whether trades are on their way from the exchange to the database",
})
export type PipelineCheck = typeof PipelineCheck.Type

const databaseFields = {
  since: time("When a check first found the database in this state"),
  detail: Detail,
  flavour: Schema.Literals(flavours).annotate({ description: "What the database was found to be at the start" }),
  version: Schema.String.annotate({ description: "Of TimescaleDB where it is there, else of PostgreSQL" }),
}

/** Whether the database answers a query. */
export const DatabaseCheck = Schema.Struct({ status: Status, ...databaseFields }).annotate({
  identifier: "DatabaseCheck",
  description: "Whether the database answers a query",
})
export type DatabaseCheck = typeof DatabaseCheck.Type

/** One connection to the exchange. */
export const Connection = Schema.Struct({
  name: Schema.String,
  host: Schema.String,
  state: Schema.Literals(["connecting", "connected", "waiting"]).annotate({
    description: "`waiting`: lost, and dialled again after a pause",
  }),
  since: time("When it entered this state"),
  secondsSinceLastFrame: Schema.NullOr(Schema.Finite).annotate({
    description: "null: it has not received a frame yet",
  }),
  reconnects: Schema.Int.annotate({ description: "How often it was lost since the service started" }),
  rotations: Schema.Int.annotate({ description: "How often another connection took over from it before it ended" }),
  nextRotation: Schema.NullOr(time("When it will be replaced at the latest; null: it is not connected")),
  lastLoss: Schema.NullOr(Schema.String).annotate({ description: "Why it was lost the last time; null: never lost" }),
  symbols: Schema.Array(Schema.String),
}).annotate({ identifier: "Connection", description: "One connection to the exchange" })
export type Connection = typeof Connection.Type

const binanceFields = {
  since: Schema.NullOr(time("Since when all are connected, or the longest one is not; null: none was opened yet")),
  detail: Detail,
  connections: Schema.Array(Connection),
}

/** Whether every connection to the exchange is up. */
export const BinanceCheck = Schema.Struct({ status: Status, ...binanceFields }).annotate({
  identifier: "BinanceCheck",
  description: "Whether every connection to the exchange is up",
})
export type BinanceCheck = typeof BinanceCheck.Type

const reportFields = {
  service: Schema.String,
  version: Schema.String,
  uptime: Schema.Finite.annotate({ description: "Seconds since the process started" }),
  checks: Schema.Struct({ pipeline: PipelineCheck, database: DatabaseCheck, binance: BinanceCheck }),
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

const degraded = Schema.Struct({ status: Schema.Literal("degraded"), ...reportFields }).annotate({
  identifier: "HealthDegraded",
  description: "The service stores trades, and something is wrong",
})

/** The same body with 200 where its status is up, with 503 where it is down, so that probes need not read it. */
const upOrDown = <Fields extends Schema.Struct.Fields>(name: string, what: string, fields: Fields) =>
  [
    Schema.Struct({ status: Schema.Literal("up"), ...fields }).annotate({
      identifier: `${name}Up`,
      description: `${what} is up`,
    }),
    Schema.Struct({ status: Schema.Literal("down"), ...fields })
      .annotate({ identifier: `${name}Down`, description: `${what} is down` })
      .pipe(HttpApiSchema.status(503)),
  ] as const

/** Whether the service, and each thing that it needs, works. */
export class HealthGroup extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("service", "/health", {
      success: [...upOrDown("Health", "The service", reportFields), degraded],
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Is the service up?",
        description:
          "200 while the pipeline runs, the database answers and at least one connection to the exchange is up, else 503. `degraded`: that is so, and yet `problems` has something.",
      }),
    ),
    HttpApiEndpoint.get("database", "/health/db", {
      success: upOrDown("Database", "The database", databaseFields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Does the database answer?",
        description: "The database is asked at most once a second, however many ask here.",
      }),
    ),
    HttpApiEndpoint.get("binance", "/health/binance", {
      success: upOrDown("Binance", "The connection to the exchange", binanceFields),
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Is the exchange connected?",
        description: "200 while every connection to the exchange is up; else 503.",
      }),
    ),
  )
  .annotateMerge(OpenApi.annotations({ title: "Health" })) {}
