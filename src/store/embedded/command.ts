import { Effect } from "effect"
import { spawn } from "node:child_process"
import { errorText } from "./EmbeddedPostgresError.ts"
import { type RunAs } from "./RunAs.ts"

/** How a command ended; `code` is undefined when it could not be started or was killed. */
export interface Ended {
  readonly code: number | undefined
  readonly output: string
}

/** Runs a command as `runAs` to its end and collects what it says; interruption kills it and waits for it. */
export const command = (options: {
  readonly runAs: RunAs
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly env: NodeJS.ProcessEnv
  readonly input?: string
}): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const [file = options.file, ...args] = [...options.runAs.prefix, options.file, ...options.args]
    const child = spawn(file, args, {
      ...options.runAs.spawn,
      cwd: "/",
      env: options.env,
      windowsHide: true,
      // Its own group: Ctrl-C must not kill it in the middle.
      detached: process.platform !== "win32",
    })
    let output = ""
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-16_384)
    }
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    const closed = new Promise<void>((resolve) => {
      child.once("error", (error) => {
        resume(Effect.succeed({ code: undefined, output: errorText(error) }))
        resolve()
      })
      child.once("close", (code) => {
        resume(Effect.succeed({ code: code ?? undefined, output }))
        resolve()
      })
    })
    return Effect.promise(() => {
      if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid)
      return closed
    })
  })

const killGroup = (pid: number) => {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL")
  } catch {
    // It ended by itself in the meantime.
  }
}
