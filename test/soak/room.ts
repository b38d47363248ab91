import { statfsSync } from "node:fs"
import { tmpdir } from "node:os"

/** What a trade takes with its index, as docs/storage.md measured it, rounded up. */
const BYTES_A_TRADE = 200

/** The server's log of writes, its sorting at the end, and the templates of a database. */
const BESIDE_BYTES = 2 * 1024 ** 3

const GIB = 1024 ** 3

/** What so many trades take on the disk of an embedded server, in bytes. */
export const bytesFor = (trades: number): number => trades * BYTES_A_TRADE + BESIDE_BYTES

/** One sentence, where the disk of temporary files has no room for so many trades. */
export const lackOfRoom = (trades: number, folder = tmpdir()): string | undefined => {
  const { bavail, bsize } = statfsSync(folder)
  const [free, needed] = [bavail * bsize, bytesFor(trades)]
  return free >= needed
    ? undefined
    : `${trades.toLocaleString("en")} trades take about ${(needed / GIB).toFixed(1)} GiB, and ${folder} has ${(free / GIB).toFixed(1)} GiB left: make room, set TMPDIR to another disk, or ask for less.`
}
