import { chownSync, statSync } from "node:fs"
import * as path from "node:path"

/** Gives a file that root has made to the owner of its folder, who could not use his own database afterwards. */
export const handOver = (file: string): void => {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(path.dirname(file))
  if (uid !== 0) chownSync(file, uid, gid)
}
