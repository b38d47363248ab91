import { Schema } from "effect"

/** The spill takes no more trades; nothing was changed. It takes some again once there is room, without a restart. */
export class SpillFull extends Schema.TaggedError<SpillFull>()("SpillFull", {
  folder: Schema.String,
  /** `Limit`: as much is on disk as may be; `Disk`: the disk has no room. */
  reason: Schema.Literals(["Limit", "Disk"]),
}) {
  override get message(): string {
    return this.reason === "Limit"
      ? `The spill in ${this.folder} is as large as SPILL_MAX_MB allows and takes no more trades: raise it, or bring the database back.`
      : `The disk of ${this.folder} is full, and the spill takes no more trades: make room on it, or bring the database back.`
  }
}
