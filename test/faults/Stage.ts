import { type ExchangeProcess } from "../fixtures/service/ExchangeProcess.ts"
import { type DatabaseProxy } from "./DatabaseProxy.ts"
import { type DatabaseServer, type FaultDatabase } from "./DatabaseServer.ts"
import { type Journal } from "./Journal.ts"
import { type RunningService } from "./RunningService.ts"
import { type SpillDisk } from "./spillDisk.ts"

/** Everything on which the faults of one run happen. */
export interface Stage {
  readonly exchange: ExchangeProcess
  readonly server: DatabaseServer
  readonly database: FaultDatabase
  /** Between the service and its database. */
  readonly proxy: DatabaseProxy
  readonly service: RunningService
  /** Of the service that stays. */
  readonly disk: SpillDisk
  readonly journal: Journal
  /** A fault that meets nobody is repeated until it does, but no longer than to this moment of the schedule, in milliseconds. */
  readonly lastRepeat: number
}
