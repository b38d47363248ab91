import { Context, Effect, Layer, Metric, Option, Result, Schema } from "effect"
import { accessSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs"
import * as path from "node:path"
import type { Trade } from "../market/Trade.ts"
import { errorText } from "../store/embedded/EmbeddedPostgresError.ts"
import { claim } from "../store/embedded/OwnerFile.ts"
import * as Gauges from "../telemetry/Gauges.ts"
import type { EntryUnreadable } from "./spill/EntryUnreadable.ts"
import { dataFile, sweep } from "./spill/Environment.ts"
import { inspect } from "./spill/inspect.ts"
import { EMPTY, Queue, queueFolder } from "./spill/Queue.ts"
import type { SpillFull } from "./spill/SpillFull.ts"
import { damaged, inaccessible, inUse, SpillUnusable } from "./spill/SpillUnusable.ts"

/** What the trades of a spill belong to. */
export interface SpillOwner {
  readonly market: string
  /** Tells databases apart for as long as they live. */
  readonly database: string
}

export interface SpillOptions {
  /** Made when it is missing; one process uses it at a time. */
  readonly folder: string
  /** The size that the data file may have, in units of 1024 × 1024 bytes; a file that is larger already does not grow. */
  readonly maxMegabytes: number
  readonly owner: SpillOwner
}

export interface SpillState {
  readonly trades: number
  /** Of the entries; the file is larger. */
  readonly bytes: number
  /** Of the oldest trade, in milliseconds of this process's monotonic clock; undefined when nothing waits. */
  readonly oldestReceivedAt: number | undefined
}

/** Which entries of which file. */
export interface SpilledEntries {
  readonly generation: string
  readonly keys: ReadonlyArray<number>
}

/** The oldest trades, in order; `receivedAt` is on this process's clock, to the microsecond and never in the future. */
export interface SpilledTrades extends SpilledEntries {
  readonly trades: ReadonlyArray<Trade>
}

/**
 * A first-in, first-out queue of trade batches on disk, which survives the end of the process, however it ends, and a full disk. It is a
 * file of LMDB that is there only while something waits.
 */
export class Spill extends Context.Service<
  Spill,
  {
    /** What waits, as of this process's last look; costs nothing. */
    readonly state: Effect.Effect<SpillState>
    /** Adds a batch behind all others; durable when it succeeds. When it fails, nothing was changed. */
    append(batch: ReadonlyArray<Trade>): Effect.Effect<void, SpillFull | SpillUnusable>
    /** The oldest batches in order: at most `most` trades, but one batch at least; undefined when nothing waits. */
    peek(most: number): Effect.Effect<SpilledTrades | undefined, EntryUnreadable | SpillUnusable>
    /** Removes what `peek` gave, or the entry that it could not read; what is not there any more is no error. Works on a full disk. */
    remove(entries: SpilledEntries): Effect.Effect<void, SpillUnusable>
  }
>()("fulltape/ingest/Spill") {
  /** Finds what earlier runs left. Fails when another process uses it, when it is another owner's, or damaged, or when the folder cannot be used. */
  static readonly layer = (options: SpillOptions): Layer.Layer<Spill, SpillUnusable> =>
    Layer.effect(
      Spill,
      Effect.gen(function* () {
        const { folder, maxMegabytes } = options
        yield* Metric.update(Gauges.spillLimitBytes, maxMegabytes * 1024 * 1024)
        const attempt = <A>(use: () => A) => Effect.try({ try: use, catch: (error) => unusable(folder, error) })
        let queue: Queue | undefined
        const load = Effect.tryPromise({
          try: () => import("lmdb"),
          catch: (error) => inaccessible(folder, `lmdb does not run here: ${errorText(error)}`),
        }).pipe(Effect.map((lmdb) => (queue ??= new Queue(lmdb, options))))
        const loaded = Effect.suspend(() => (queue === undefined ? load : Effect.succeed(queue)))

        yield* attempt(() => requireAccess(folder))
        const owner = yield* claim(folder, false).pipe(
          // The folder can be written to, so the disk is full: that must not keep what waits on it from being committed.
          Effect.catchIf(
            ({ reason }) => reason === "Folder",
            () => Effect.succeedNone,
          ),
          Effect.mapError(({ message }) => inaccessible(folder, message)),
        )
        if (Option.isSome(owner)) return yield* inUse(folder, owner.value.pid)
        yield* attempt(() => {
          sweep(queueFolder(folder))
        })
        yield* Effect.addFinalizer(() => Effect.ignore(attempt(() => queue?.close())))
        if (existsSync(dataFile(queueFolder(folder)))) {
          yield* inspect(folder, queueFolder(folder))
          const found = yield* loaded
          yield* attempt(() => found.open())
        }

        return Spill.of({
          state: Effect.sync(() => queue?.state ?? EMPTY),
          append: (batch) =>
            batch.length === 0
              ? Effect.void
              : loaded.pipe(
                  Effect.flatMap((queue) => attempt(() => queue.append(batch))),
                  Effect.flatMap(Effect.fromResult),
                ),
          peek: (most) =>
            attempt(() => queue?.peek(most) ?? Result.succeed(undefined)).pipe(Effect.flatMap(Effect.fromResult)),
          remove: (entries) => attempt(() => queue?.remove(entries)),
        })
      }),
    )
}

/** Throws unless this user may read and write the folder and what is in it: LMDB may end the process that may not. */
const requireAccess = (folder: string): void => {
  mkdirSync(folder, { recursive: true })
  accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  const queue = queueFolder(folder)
  if (!existsSync(queue)) return
  accessSync(queue, constants.R_OK | constants.W_OK | constants.X_OK)
  for (const name of readdirSync(queue)) accessSync(path.join(queue, name), constants.R_OK | constants.W_OK)
}

const unusable = (folder: string, error: unknown): SpillUnusable => {
  if (error instanceof SpillUnusable) return error
  return Schema.isSchemaError(error) || isInvalid(error)
    ? damaged(folder, errorText(error))
    : inaccessible(folder, errorText(error))
}

/** LMDB's own error codes are below those of the system. */
const isInvalid = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "number" && error.code < 0
