import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import { withParent } from "../../test/faults/withParent.ts"
import { ProgramCommand } from "../../test/fixtures/service/Program.ts"

/** Node with one of our files, in a process that does not outlive this one. */
export const nodeWith = (path: string): ReadonlyArray<string> => [
  ...withParent,
  process.execPath,
  fileURLToPath(new URL(path, import.meta.url)),
]

/** Programs that are started are the built product. */
export const built = Effect.provideService(ProgramCommand, nodeWith("../../dist/main.js"))
