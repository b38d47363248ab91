import { Effect } from "effect"
import { signal } from "../../src/store/embedded/processes.ts"
import { childrenOf } from "./childrenOf.ts"
import { type ServerOutage } from "./DatabaseServer.ts"

/** Pauses a server with all of its processes, and lets them run on; `pidOf` gives the first of them, as long as there is one. */
export const pauseOf = (pidOf: () => number | undefined): Pick<ServerOutage, "pause" | "resume"> => {
  const all = (name: NodeJS.Signals) =>
    Effect.sync(() => {
      const pid = pidOf()
      if (pid === undefined) return
      // Stopped first, it makes no more of them.
      signal(pid, name)
      for (const child of childrenOf(pid)) signal(child, name)
    })
  return { pause: all("SIGSTOP"), resume: all("SIGCONT") }
}
