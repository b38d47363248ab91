import { Result } from "effect"
import { randomUUID } from "node:crypto"
import * as path from "node:path"
import type { Trade } from "../../market/Trade.ts"
import type { SpilledEntries, SpilledTrades, SpillOptions, SpillState } from "../Spill.ts"
import { type Contents, CONTENTS_KEY, isEmpty, readContents, writeContents } from "./Contents.ts"
import { clocks, decodeEntry, encodeEntry, readHeader } from "./entry.ts"
import { EntryUnreadable } from "./EntryUnreadable.ts"
import type { Environment, Lmdb } from "./Environment.ts"
import { findRoom } from "./findRoom.ts"
import { QueueFile } from "./QueueFile.ts"
import { SpillFull } from "./SpillFull.ts"
import { foreign } from "./SpillUnusable.ts"

/** Bytes of entries that one transaction removes, about: the pages that it frees are listed in pages of the reserve. */
const REMOVED_BYTES = 1024 * 1024

export const EMPTY: SpillState = { trades: 0, bytes: 0, oldestReceivedAt: undefined }

/** Where the environment is in the folder of a spill. */
export const queueFolder = (folder: string): string => path.join(folder, "queue")

/** The entries in order, in a file that is there only while it holds some. Throws what the file system and LMDB throw. */
export class Queue {
  private readonly options: SpillOptions
  private readonly limit: number
  private readonly file: QueueFile
  /** As of this process's last look. */
  state: SpillState = EMPTY

  /** A file that is there already was inspected. */
  constructor(lmdb: Lmdb, options: SpillOptions) {
    this.options = options
    this.limit = options.maxMegabytes * 1024 * 1024
    this.file = new QueueFile(lmdb, queueFolder(options.folder), this.limit)
  }

  /** Finds what an earlier run left; throws `SpillUnusable` when it belongs to another owner. */
  open(): void {
    this.transact((environment) => {
      this.look(environment, this.contentsOf(environment))
      return true
    })
    this.discardIfEmpty()
  }

  append(batch: ReadonlyArray<Trade>): Result.Result<void, SpillFull> {
    const entry = encodeEntry(batch, clocks())
    const full = (reason: SpillFull["reason"]) => Result.fail(new SpillFull({ folder: this.options.folder, reason }))
    for (;;) {
      const appended = this.transact((environment) => {
        const lacking = findRoom(environment, entry.length, this.limit)
        if (lacking !== undefined) return full(lacking)
        const contents = this.contentsOf(environment) ?? this.begin()
        environment.database.putSync(contents.next, entry)
        this.put(environment, {
          ...contents,
          next: contents.next + 1,
          trades: contents.trades + batch.length,
          bytes: contents.bytes + entry.length,
        })
        return Result.void
      })
      if (appended !== undefined) return appended
      if (!this.file.create()) return full("Disk")
    }
  }

  peek(most: number): Result.Result<SpilledTrades | undefined, EntryUnreadable> {
    const now = clocks()
    const peeked = this.transact((environment): ReturnType<Queue["peek"]> => {
      const contents = this.contentsOf(environment)
      this.look(environment, contents)
      if (contents === undefined || isEmpty(contents)) return Result.succeed(undefined)
      const keys: Array<number> = []
      const batches: Array<ReadonlyArray<Trade>> = []
      let trades = 0
      for (let key = contents.first; key < contents.next && trades < most; key++) {
        const entry = environment.database.get(key)
        if (entry === undefined) continue
        try {
          if (keys.length > 0 && trades + readHeader(entry, now).trades > most) break
          const batch = decodeEntry(entry, now)
          trades += batch.length
          batches.push(batch)
          keys.push(key)
        } catch (error) {
          if (keys.length > 0) break
          const { generation } = contents
          const detail = error instanceof Error ? error.message : String(error)
          return Result.fail(new EntryUnreadable({ folder: this.options.folder, detail, generation, keys: [key] }))
        }
      }
      return Result.succeed({ generation: contents.generation, keys, trades: batches.flat() })
    })
    return peeked ?? Result.succeed(undefined)
  }

  remove({ generation, keys }: SpilledEntries): void {
    for (let done = 0; done < keys.length;) {
      const looked = this.transact((environment) => {
        const contents = this.contentsOf(environment)
        if (contents?.generation !== generation) return keys.length
        let { bytes, first, trades } = contents
        let at = done
        for (; at < keys.length && contents.bytes - bytes < REMOVED_BYTES; at++) {
          const key = keys[at] ?? CONTENTS_KEY
          const entry = key > CONTENTS_KEY ? environment.database.get(key) : undefined
          if (entry === undefined) continue
          environment.database.removeSync(key)
          bytes -= entry.length
          trades -= headerOf(entry)?.trades ?? 0
        }
        while (first < contents.next && !environment.database.doesExist(first)) first++
        this.put(environment, { ...contents, first, trades, bytes })
        return at
      })
      done = looked ?? keys.length
    }
    if (this.state.trades === 0) this.discardIfEmpty()
  }

  /** Lets go of the file, and of its disk space when nothing waits. */
  close(): void {
    this.discardIfEmpty()
    this.file.close()
  }

  /** As that of the file; what this process knows follows. */
  private transact<A>(action: (environment: Environment) => A): A | undefined {
    const before = this.state
    try {
      const done = this.file.transact(action)
      if (done === undefined) this.state = EMPTY
      return done
    } catch (error) {
      this.state = before
      throw error
    }
  }

  private put(environment: Environment, contents: Contents): void {
    const exact = isEmpty(contents) ? { ...contents, trades: 0, bytes: 0 } : contents
    environment.database.putSync(CONTENTS_KEY, writeContents(exact))
    this.look(environment, exact)
  }

  private look({ database }: Environment, contents: Contents | undefined): void {
    if (contents === undefined || isEmpty(contents)) {
      this.state = EMPTY
      return
    }
    const { bytes, first, trades } = contents
    this.state = { trades, bytes, oldestReceivedAt: headerOf(database.get(first))?.receivedAt }
  }

  /** What the first record says; undefined when it is to be written anew. */
  private contentsOf({ database }: Environment): Contents | undefined {
    const record = database.get(CONTENTS_KEY)
    if (record === undefined) return undefined
    const contents = readContents(record)
    const { owner } = this.options
    if (contents.market === owner.market && contents.database === owner.database) return contents
    if (isEmpty(contents)) return undefined
    throw foreign(this.options.folder, contents)
  }

  private begin(): Contents {
    const { database, market } = this.options.owner
    return { version: 1, market, database, generation: randomUUID(), first: 1, next: 1, trades: 0, bytes: 0 }
  }

  private discardIfEmpty(): void {
    this.file.discardIf((environment) => {
      const contents = this.contentsOf(environment)
      return contents === undefined || isEmpty(contents)
    })
  }
}

const headerOf = (entry: Buffer | undefined) => {
  try {
    return entry === undefined ? undefined : readHeader(entry, clocks())
  } catch {
    // Its turn comes: then it is reported.
    return undefined
  }
}
