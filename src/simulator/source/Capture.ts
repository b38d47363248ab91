import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { parseCaptureLine, type RecordedEvent } from "./captureLine.ts"
import { makeCaptureChannel, makeCaptureTrades } from "./CaptureStream.ts"
import { type Channel, type MarketSource, type SymbolTrades } from "./MarketSource.ts"

/** A capture that cannot be replayed, in one sentence. */
export class CaptureError extends Schema.TaggedError<CaptureError>()("CaptureError", { message: Schema.String }) {}

export interface CaptureOptions {
  /** How much faster than recorded; 0: everything at once, as fast as the client reads. */
  readonly speed: number
  /** Whether each stream waits for its first subscriber. */
  readonly atSubscribe: boolean
}

const readEvents = (file: string): ReadonlyArray<RecordedEvent> => {
  const bytes = readFileSync(file)
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("latin1")
  return text.split("\n").flatMap((line) => parseCaptureLine(line) ?? [])
}

const load = (file: string): Effect.Effect<ReadonlyArray<RecordedEvent>, CaptureError> =>
  Effect.try({
    try: () => readEvents(file),
    catch: (cause) =>
      new CaptureError({
        message: `The capture ${file} cannot be read (${cause instanceof Error ? cause.message : String(cause)}); name a file of lines "<ns> <frame>", gzipped or not.`,
      }),
  }).pipe(
    Effect.filterOrFail(
      (events) => events.length > 0,
      () => new CaptureError({ message: `The capture ${file} holds no combined-stream frame; name another file.` }),
    ),
  )

const makeSource = (events: ReadonlyArray<RecordedEvent>, options: CaptureOptions): MarketSource => {
  const byStream = new Map<string, Array<RecordedEvent>>()
  let origin = Number.POSITIVE_INFINITY
  for (const event of events) {
    origin = Math.min(origin, event.received)
    const of = byStream.get(event.stream)
    if (of === undefined) {
      byStream.set(event.stream, [event])
    } else {
      of.push(event)
    }
  }
  const channels = new Map<string, Channel>()
  const symbols = new Map<string, SymbolTrades>()
  for (const [stream, recorded] of byStream) {
    const channel = makeCaptureChannel(stream, recorded, { origin, speed: options.speed })
    channels.set(stream, channel)
    if (channel.symbol !== undefined) {
      symbols.set(channel.symbol, makeCaptureTrades(channel, channel.symbol, recorded.length))
    }
  }
  return {
    symbols,
    channel: (stream) => channels.get(stream),
    open: (now) => {
      if (!options.atSubscribe) {
        channels.forEach((channel) => channel.start(now))
      }
    },
  }
}

/**
 * Recorded frames as a source of trades: every stream that was recorded, its events as they were, at the recorded pace.
 * They are held in memory. Only what was replayed already can be had by REST; an exchange does not know the future.
 */
export const loadCaptures = (
  files: ReadonlyArray<string>,
  options: CaptureOptions,
): Effect.Effect<MarketSource, CaptureError> =>
  Effect.forEach(files, load).pipe(Effect.map((all) => makeSource(all.flat(), options)))
