import { Schema } from "effect"
import { type Environment, RESERVE } from "./Environment.ts"

/** More pages than the trees of records and of free pages take for one transaction, beside the pages of the entry itself. */
const TREE_PAGES = 16

const META_PAGES = 2

const Tree = { treeBranchPageCount: Schema.Int, treeLeafPageCount: Schema.Int, overflowPages: Schema.Int }

/** What `getStats` tells. */
const Statistics = Schema.Struct({
  pageSize: Schema.Int,
  lastPageNumber: Schema.Int,
  ...Tree,
  free: Schema.Struct(Tree),
})

const decode = Schema.decodeUnknownSync(Statistics)

/**
 * Sees to the room that an entry needs, under the write lock; tells what forbids it. The entry goes to new pages at the end of the file,
 * for which the file is made longer, or, when that is forbidden, to pages that removals left; the reserve makes up for a wrong guess.
 */
export const findRoom = (
  { database, file }: Environment,
  bytes: number,
  limit: number,
): "Disk" | "Limit" | undefined => {
  const statistics = decode(database.getStats())
  const pages = statistics.lastPageNumber + 1
  const needed = Math.ceil((bytes + 64) / statistics.pageSize) + TREE_PAGES
  const end = (pages + needed) * statistics.pageSize
  const lacking = file.reserve(end + RESERVE, limit)
  if (lacking === undefined) return undefined
  const free = pages - META_PAGES - pagesOf(statistics) - pagesOf(statistics.free)
  return free >= 2 * needed && file.size >= end + RESERVE / 2 ? undefined : lacking
}

const pagesOf = (tree: (typeof Statistics.Type)["free"]): number =>
  tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages
