import { existsSync } from "node:fs"
import { createEnvironment, dataFile, discard, type Environment, type Lmdb, openEnvironment } from "./Environment.ts"

/**
 * The environment at a path that other processes may take away or put there at any moment: every transaction holds the write lock and
 * looks first whether it is on the file that the path leads to.
 */
export class QueueFile {
  /** The folder of the environment, inside the folder of the spill. */
  private readonly folder: string
  private readonly lmdb: Lmdb
  private readonly limit: number
  private environment: Environment | undefined

  /** `limit`: the bytes that the file may have. */
  constructor(lmdb: Lmdb, folder: string, limit: number) {
    this.lmdb = lmdb
    this.folder = folder
    this.limit = limit
  }

  /** Runs the action in a write transaction, durable when this returns; undefined when there is no file. */
  transact<A>(action: (environment: Environment) => A): A | undefined {
    while (this.environment !== undefined || existsSync(dataFile(this.folder))) {
      const environment = (this.environment ??= openEnvironment(this.lmdb, this.folder, this.limit))
      try {
        const done = environment?.database.transactionSync(() =>
          environment.file.isCurrent ? { value: action(environment) } : undefined,
        )
        if (done !== undefined) return done.value
      } catch (error) {
        // LMDB refuses every transaction after some failures, and its binding does not survive the refusal.
        this.close()
        throw error
      }
      this.close()
    }
    return undefined
  }

  /** Makes an empty file where there is none; false when the disk has no room for one. */
  create(): boolean {
    return createEnvironment(this.lmdb, this.folder, this.limit)
  }

  /** Takes the file from the disk if the condition is met in a transaction. */
  discardIf(condition: (environment: Environment) => boolean): void {
    const remove = this.transact((environment) => (condition(environment) ? discard(this.folder) : undefined))
    if (remove === undefined) return
    this.close()
    remove()
  }

  /** Lets go of the file; the next transaction opens it again. */
  close(): void {
    this.environment?.close()
    this.environment = undefined
  }
}
