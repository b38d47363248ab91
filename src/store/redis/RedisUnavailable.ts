import { Schema } from "effect"

/** Redis did not do what it was asked. It may be asked again, over another connection. */
export class RedisUnavailable extends Schema.TaggedError<RedisUnavailable>()("RedisUnavailable", {
  /** Host, port and number of the database, without credentials. */
  address: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return /^(WRONGPASS|NOAUTH)\b|^ERR AUTH/.test(this.detail)
      ? `Redis at ${this.address} refused the user or password of REDIS_URL: ${this.detail}.`
      : `Redis at ${this.address} cannot be used: ${this.detail}.`
  }
}
