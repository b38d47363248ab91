import { Schema } from "effect"
import { flavours } from "../store/Flavour.ts"

/** A moment, as text. */
export const time = (description: string) => Schema.String.annotate({ format: "date-time", description })

/** `degraded`: it works, and something is wrong. */
export const Status = Schema.Literals(["up", "degraded", "down"]).annotate({
  description: "`degraded`: it works, and something is wrong",
})
export type Status = typeof Status.Type

const since = time("When it entered this status")
const detail = Schema.String.annotate({ description: "What is so, or what is wrong and what to do about it" })

/** How a part of the service is. */
export const PartCheck = Schema.Struct({ status: Status, since, detail }).annotate({
  identifier: "PartCheck",
  description: "How a part of the service is",
})
export type PartCheck = typeof PartCheck.Type

const binary = Schema.Literals(["up", "down"])

/** Whether the process works, or a restart would help. */
export const LiveCheck = Schema.Struct({ status: binary, since, detail }).annotate({ identifier: "LiveCheck" })
export type LiveCheck = typeof LiveCheck.Type

/** Whether trades are being stored. */
export const ReadyCheck = Schema.Struct({ status: binary, since, detail }).annotate({ identifier: "ReadyCheck" })
export type ReadyCheck = typeof ReadyCheck.Type

/** Whether the database answers a query. */
export const DatabaseCheck = Schema.Struct({
  status: binary,
  since,
  detail,
  flavour: Schema.NullOr(Schema.Literals(flavours)).annotate({
    description: "What the database was found to be at the start; null: the service is still starting",
  }),
  version: Schema.NullOr(Schema.String).annotate({
    description: "Of TimescaleDB where it is there, else of PostgreSQL; null: the service is still starting",
  }),
}).annotate({ identifier: "DatabaseCheck", description: "Whether the database answers a query" })
export type DatabaseCheck = typeof DatabaseCheck.Type

/** One connection to the exchange. */
export const Connection = Schema.Struct({
  name: Schema.String,
  host: Schema.String,
  state: Schema.Literals(["connecting", "connected", "waiting"]).annotate({
    description: "`waiting`: lost, and dialled again after a pause",
  }),
  since: time("Since when it is connected, or is not, however often it was dialled meanwhile"),
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

/** The newest trade of a symbol that was received. */
export const LastTrade = Schema.Struct({
  symbol: Schema.String,
  lastTrade: Schema.NullOr(Schema.Struct({ id: Schema.Int, time: time("When it was matched") })).annotate({
    description: "The newest that was received, committed or not; null: none came since the service started",
  }),
  lagSeconds: Schema.NullOr(Schema.Finite).annotate({
    description: "Since that trade was matched, by the clock of this machine: large for a symbol that trades seldom",
  }),
}).annotate({ identifier: "LastTrade", description: "The newest trade of a symbol that was received" })

/** Whether the connections to the exchange are up. */
export const BinanceCheck = Schema.Struct({
  status: Status,
  since,
  detail,
  connections: Schema.Array(Connection),
  symbols: Schema.Array(LastTrade),
}).annotate({ identifier: "BinanceCheck", description: "Whether the connections to the exchange are up" })
export type BinanceCheck = typeof BinanceCheck.Type
