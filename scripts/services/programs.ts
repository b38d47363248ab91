import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { redisServer } from "./redis.ts"
import { say } from "./say.ts"
import { Unavailable } from "./Unavailable.ts"

/** Programs that tests start beside the database, by the variable that tells them the path; each is put into a folder. */
const programs: Readonly<Record<string, (folder: string) => string>> = {
  TEST_REDIS_SERVER: redisServer,
}

/**
 * Sets the variables that name programs, unless they are set. A program that this machine cannot have is said, and its tests skip; where
 * they must not, the code is that of a failure.
 */
export const preparePrograms = ({
  mustHave,
}: {
  readonly mustHave: boolean
}): { readonly code: number; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "fulltape-programs-"))
  let code = 0
  for (const [name, prepare] of Object.entries(programs)) {
    if ((process.env[name] ?? "") !== "") continue
    try {
      process.env[name] = prepare(join(folder, name))
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      say(
        mustHave
          ? `FAILED: ${error.message} ${name} may name a program instead.`
          : `SKIPPED, the tests that need ${name}: ${error.message} Set it to the path of a program of yours to run them.`,
      )
      if (mustHave) code = 1
    }
  }
  return { code, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
