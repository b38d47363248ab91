import { type Fault } from "../../src/simulator/faults/Fault.ts"
import { type DatabaseKind, type ProcessKind, type RestKind, type StreamKind } from "./Kind.ts"

/** A fault as `POST /simulator/faults` takes it. */
export type PostedFault = (typeof Fault)["Encoded"]

interface Planned<Side, Kind> {
  readonly side: Side
  readonly kind: Kind
  /** Milliseconds after the schedule began. */
  readonly at: number
  /** Milliseconds; 0: it is a moment. */
  readonly lasts: number
}

/** Something that the simulator does. */
export interface ExchangeFault extends Planned<"exchange", StreamKind | RestKind> {
  readonly fault: PostedFault
  /** What is posted with it, so that it meets somebody. */
  readonly bait?: PostedFault
}

/** Something that happens to the database, or on the way to it. */
export interface DatabaseFault extends Planned<"database", DatabaseKind> {
  /** Of each answer, in milliseconds. */
  readonly delay: number
}

/** Something that happens to a process of the service. */
export interface ProcessFault extends Planned<"process", ProcessKind> {
  /** Milliseconds from a kill to the next start, or from the end of the database to that of the disk. */
  readonly pause: number
  readonly endsWith: "SIGKILL" | "SIGTERM"
  /** Of the spill's disk, where it is a small one. */
  readonly megabytes: number
}

export type PlannedFault = ExchangeFault | DatabaseFault | ProcessFault
