interface MediaRange {
  readonly type: string
  readonly quality: number
}

interface Preference {
  readonly quality: number
  /** 2 for the type itself, 1 for its family, 0 for any. */
  readonly specificity: number
}

/**
 * Whether a client would rather have the Prometheus text format than JSON, by its Accept header: the higher quality decides
 * (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1), at equal quality the one that is named more precisely, else JSON.
 * Who asks for OpenMetrics gets the text format too: every reader of the one reads the other.
 */
export const prefersText = (accept: string | undefined): boolean => {
  if (accept === undefined) return false
  const ranges = accept.split(",").map(mediaRange)
  const json = preference(ranges, "application/json")
  const plain = preference(ranges, "text/plain")
  const openMetrics = preference(
    ranges.filter(({ type }) => type === "application/openmetrics-text"),
    "application/openmetrics-text",
  )
  const text = compare(openMetrics, plain) > 0 ? openMetrics : plain
  return text.quality > 0 && compare(text, json) > 0
}

const mediaRange = (text: string): MediaRange => {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, "")
  const value = quality === undefined ? 1 : Number(quality)
  return { type, quality: Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0 }
}

/** The most precise range decides about a type; among equally precise ones, those of other versions, the best. */
const preference = (ranges: ReadonlyArray<MediaRange>, type: string): Preference => {
  const family = `${type.slice(0, type.indexOf("/"))}/*`
  for (const [specificity, range] of [
    [2, type],
    [1, family],
    [0, "*/*"],
  ] as const) {
    const qualities = ranges.filter((candidate) => candidate.type === range).map(({ quality }) => quality)
    if (qualities.length > 0) return { quality: Math.max(...qualities), specificity }
  }
  return { quality: 0, specificity: 0 }
}

const compare = (a: Preference, b: Preference): number => a.quality - b.quality || a.specificity - b.specificity
