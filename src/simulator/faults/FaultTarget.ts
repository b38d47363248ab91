import { type StreamServer } from "../protocol/StreamServer.ts"
import { type MarketSource } from "../source/MarketSource.ts"
import { type FaultTally } from "./FaultTally.ts"

/** Where faults happen, and where it is noted whom they met. */
export interface FaultTarget {
  readonly source: MarketSource
  readonly streams: StreamServer
  readonly met: FaultTally
}
