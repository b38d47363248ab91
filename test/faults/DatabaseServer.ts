import { type Effect, type Scope } from "effect"
import { type TestDatabase } from "../fixtures/service/TestPostgres.ts"

/** A database for one run. */
export interface FaultDatabase {
  readonly name: string
  /** As the one who may do everything, also when no other connection is left. */
  readonly admin: TestDatabase
  /** As the service. */
  readonly url: string
}

/** The server that a whole run of seeds shares. */
export interface DatabaseServer {
  /** For the person who reads the report. */
  readonly description: string
  readonly host: string
  readonly port: number
  /** A new, empty database, dropped at the end of the scope. */
  readonly create: (name: string) => Effect.Effect<FaultDatabase, never, Scope.Scope>
  /** undefined: the server belongs to somebody else. */
  readonly outage: ServerOutage | undefined
}

/** What can only be done to a server of one's own. */
export interface ServerOutage {
  /** Without a word to anybody, as after a crash; done when its last process is gone. */
  readonly stop: Effect.Effect<void>
  /** Done when it answers again. */
  readonly start: Effect.Effect<void>
  /** None of its processes runs on, and nobody is told. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}
