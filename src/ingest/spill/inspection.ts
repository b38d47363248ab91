/**
 * A process of its own that reads everything in the environment of its argument and rehearses its removal: LMDB maps its file and believes
 * what is in it, so that a damaged one can end the process that opens it. It exits with 0 when all is well, and says what is not.
 */
import { ABORT, open } from "lmdb"

const database = open<Buffer, number>({
  path: process.argv[2] ?? "",
  noSubdir: false,
  encoding: "binary",
  maxDbs: 1,
  overlappingSync: false,
  remapChunks: false,
})

const problem = (): string | undefined => {
  const keys: Array<number> = []
  for (const { key } of database.getRange()) keys.push(key)
  const statistics: { readonly entryCount?: number } = database.getStats()
  if (statistics.entryCount !== keys.length) return "records are missing"
  if (keys.length === 0) return undefined
  // The first record says what the others are: `Contents.ts`.
  if (!database.doesExist(0)) return "it was made by another program"
  database.transactionSync(() => {
    for (const key of keys) database.removeSync(key)
    for (const key of keys.slice(0, 100)) database.putSync(key, Buffer.alloc(key % 2 === 0 ? 10_000 : 100))
    return ABORT
  })
  return undefined
}

const found = problem()
if (found !== undefined) {
  process.stdout.write(found)
  process.exitCode = 1
}
