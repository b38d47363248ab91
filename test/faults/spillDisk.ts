import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { canMount } from "../fixtures/smallDisk.ts"

/** The disk of a spill, which may be full. */
export interface SpillDisk {
  /** What has to stand before the service's command. */
  readonly prefix: ReadonlyArray<string>
  /** Another program takes all that is free, and gives it back with `empty`. */
  readonly fill: Effect.Effect<void>
  readonly empty: Effect.Effect<void>
}

/**
 * Gives a data folder's spill a small disk: a file system of its own where this process may mount one, else a limit on the size of
 * every file of the service, which is there all the time. The scope takes it away.
 */
export const spillDisk = (dataDir: string, megabytes: number) =>
  Effect.gen(function* () {
    const folder = join(dataDir, "spill")
    if (!canMount()) {
      return {
        prefix: ["/bin/sh", "-c", `ulimit -f ${MOST_BLOCKS}; exec "$@"`, "sh"],
        fill: Effect.void,
        empty: Effect.void,
      } satisfies SpillDisk
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", folder])
      }),
      () => Effect.sync(() => spawnSync("umount", ["--lazy", folder])),
    )
    const filler = join(folder, "filler")
    return {
      prefix: [],
      fill: Effect.sync(() => {
        const descriptor = openSync(filler, "a")
        try {
          for (;;) writeSync(descriptor, BLOCK)
        } catch {
          closeSync(descriptor)
        }
      }),
      empty: Effect.sync(() => rmSync(filler, { force: true })),
    } satisfies SpillDisk
  })

/** Of 512 bytes, for a file: what a spill has filled within a second or two. */
const MOST_BLOCKS = 1_400

const BLOCK = Buffer.alloc(4_096)
