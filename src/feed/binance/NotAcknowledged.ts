import { Duration, Schema } from "effect"
import { ANSWER_TIMEOUT } from "./BinanceConnection.ts"

/** A connection that was to replace another, on which the exchange did not acknowledge the subscription. */
export class NotAcknowledged extends Schema.TaggedError<NotAcknowledged>()("NotAcknowledged", { host: Schema.String }) {
  override get message(): string {
    return `${this.host} did not acknowledge the subscription within ${Duration.format(ANSWER_TIMEOUT)}.`
  }
}
