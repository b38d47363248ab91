import { type Channel } from "../source/MarketSource.ts"
import { type IdRange, makeIdRanges } from "./IdRanges.ts"
import { binaryString, textFrame } from "./frame.ts"

/** How a connection wants its events. */
export interface Framing {
  readonly combined: boolean
  readonly micros: boolean
}

interface Segment {
  readonly first: number
  readonly last: number
  readonly bytes: Buffer
  /** Where each frame starts, and where the last one ends. */
  readonly offsets: Uint32Array
}

/** A channel with what its subscribers share: events encoded once, and the positions that nobody gets. */
export interface Outlet {
  readonly channel: Channel
  /** The frames of `first` to `last`; the bytes are shared and must not be changed. */
  readonly frames: (first: number, last: number, framing: Framing) => Buffer
  /** From now on these positions are consumed, but never sent. */
  readonly withhold: (range: IdRange) => void
  /** The withheld run that ends at or after a position, with the lowest such end. */
  readonly withheldFrom: (position: number) => IdRange | undefined
  /** A subscriber's turn came to these withheld positions, which are public by now, and left them out. */
  readonly pass: (first: number, last: number) => void
  /** How many distinct withheld positions at least one subscriber was left without. */
  readonly passed: () => number
}

/** Keeps the latest segment of each framing: connections that are level take the same bytes. */
export const makeOutlet = (channel: Channel): Outlet => {
  const segments = new Map<number, Segment>()
  const withheld = makeIdRanges()
  const passed = makeIdRanges()
  const before = `{"stream":${binaryString(JSON.stringify(channel.stream))},"data":`

  const encode = (first: number, last: number, { combined, micros }: Framing): Segment => {
    const offsets = new Uint32Array(last - first + 2)
    let text = ""
    for (let position = first; position <= last; position++) {
      const event = channel.event(position, micros)
      text += textFrame(combined ? `${before}${event}}` : event)
      offsets[position - first + 1] = text.length
    }
    return { first, last, bytes: Buffer.from(text, "latin1"), offsets }
  }

  const frames = (first: number, last: number, framing: Framing): Buffer => {
    const key = (framing.combined ? 1 : 0) + (framing.micros ? 2 : 0)
    const kept = segments.get(key)
    if (kept !== undefined && kept.first <= first && kept.last >= last) {
      return kept.bytes.subarray(kept.offsets[first - kept.first], kept.offsets[last - kept.first + 1])
    }
    const segment = encode(first, last, framing)
    segments.set(key, segment)
    return segment.bytes
  }

  return {
    channel,
    frames,
    withhold: ({ first, last }) => withheld.add(first, last),
    withheldFrom: withheld.from,
    pass: passed.add,
    passed: passed.count,
  }
}
