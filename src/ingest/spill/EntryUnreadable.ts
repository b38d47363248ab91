import { Schema } from "effect"

/** The oldest entry of the spill cannot be decoded. It stays until it is removed: `remove` takes this error. */
export class EntryUnreadable extends Schema.TaggedError<EntryUnreadable>()("EntryUnreadable", {
  folder: Schema.String,
  detail: Schema.String,
  generation: Schema.String,
  keys: Schema.Array(Schema.Int),
}) {
  override get message(): string {
    return `A batch of trades in the spill in ${this.folder} cannot be read (${this.detail}): without it the next commit leaves a gap, which repair fills from REST.`
  }
}
