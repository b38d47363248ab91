import { Effect } from "effect"
import { execFile } from "node:child_process"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import { damaged, type SpillUnusable } from "./SpillUnusable.ts"

const script = fileURLToPath(new URL(`inspection${extname(import.meta.url)}`, import.meta.url))

/** Whether the environment of a spill can be opened by this process, which a damaged one could end: another process tries. */
export const inspect = (spill: string, environment: string): Effect.Effect<void, SpillUnusable> =>
  Effect.callback((resume) => {
    const child = execFile(process.execPath, [script, environment], { windowsHide: true }, (error, said) => {
      if (error === null) return resume(Effect.void)
      const detail =
        said || (error.signal ? `reading it ends in ${error.signal}` : `reading it ends with ${error.code}`)
      resume(Effect.fail(damaged(spill, detail)))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })
