import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bubblewrap } from "./bubblewrap.ts"
import { dockerCompose } from "./dockerCompose.ts"
import { prometheusPrograms } from "./prometheus.ts"
import { redisServer } from "./redis.ts"
import { say } from "./say.ts"
import { Unavailable } from "./Unavailable.ts"

/** Programs that tests start beside the database: the variables that tell them the paths, and what puts them into a folder. */
const programs: ReadonlyArray<{
  readonly names: ReadonlyArray<string>
  readonly prepare: (folder: string) => ReadonlyArray<string>
}> = [
  { names: ["TEST_REDIS_SERVER"], prepare: (folder) => [redisServer(folder)] },
  { names: ["TEST_PROMETHEUS", "TEST_PROMTOOL"], prepare: prometheusPrograms },
  { names: ["TEST_DOCKER_COMPOSE"], prepare: (folder) => [dockerCompose(folder)] },
  { names: ["TEST_BWRAP"], prepare: (folder) => [bubblewrap(folder)] },
]

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
  // Whoever runs a program need not be the one who fetched it.
  chmodSync(folder, 0o755)
  let code = 0
  for (const { names, prepare } of programs) {
    const name = names.join(" and ")
    if (names.every((name) => (process.env[name] ?? "") !== "")) continue
    try {
      const paths = prepare(join(folder, name.replaceAll(" ", "-")))
      names.forEach((name, index) => (process.env[name] ||= paths[index]))
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
