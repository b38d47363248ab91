import { Schema } from "effect"
import { type Fault, Faults } from "./Fault.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Faults))

/** Reads a schedule from JSON; throws with what is wrong. A key that no fault has is refused, not ignored. */
export const readFaults = (json: string): ReadonlyArray<Fault> => decode(json, { onExcessProperty: "error" })
