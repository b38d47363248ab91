import { Schema } from "effect"

/** The spill cannot be used as it is; `message` is one sentence for a person. */
export class SpillUnusable extends Schema.TaggedError<SpillUnusable>()("SpillUnusable", {
  /**
   * - `Foreign`: it holds trades of another market or database
   * - `Damaged`: its file was cut, overwritten or made by something else
   * - `InUse`: another process uses it
   * - `Access`: the folder, the disk or this platform does not let the file be used
   */
  reason: Schema.Literals(["Foreign", "Damaged", "InUse", "Access"]),
  message: Schema.String,
}) {}

export const damaged = (folder: string, detail: string) =>
  new SpillUnusable({
    reason: "Damaged",
    message: `The spill in ${folder} cannot be read (${detail}): move or delete this folder, and repair fetches the trades in it that REST still has.`,
  })

export const inaccessible = (folder: string, detail: string) =>
  new SpillUnusable({
    reason: "Access",
    message: `The spill in ${folder} cannot be used (${detail}): let this user read and write the folder, or set DATA_DIR to another one.`,
  })

export const inUse = (folder: string, pid: number) =>
  new SpillUnusable({
    reason: "InUse",
    message: `The spill in ${folder} is in use by another Fulltape (pid ${pid}): stop that one, or set DATA_DIR to another folder.`,
  })

export const foreign = (
  folder: string,
  holds: { readonly trades: number; readonly market: string; readonly database: string },
) =>
  new SpillUnusable({
    reason: "Foreign",
    message: `The spill in ${folder} holds ${holds.trades} trades of ${holds.market} for another database or market than this one (${holds.database}): start once with the BINANCE_WS_URL and DATABASE_URL that they belong to, which writes them there, or delete this folder, and repair fetches what REST still has.`,
  })
