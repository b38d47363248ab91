import { ticksTo } from "./scale.ts"

/** A line of a panel. A point without a value breaks it. */
export interface Series {
  readonly name: string
  readonly values: ReadonlyArray<number>
}

/** One diagram over time. */
export interface Panel {
  readonly title: string
  /** Of the vertical axis. */
  readonly unit: string
  readonly series: ReadonlyArray<Series>
  /** Spans of time, in minutes, with a level in each that is drawn and named. */
  readonly marks?: ReadonlyArray<{
    readonly from: number
    readonly to: number
    readonly level: number
    readonly name: string
  }>
}

export interface PlotOptions {
  readonly title: string
  /** When each value was taken, in minutes. */
  readonly minutes: ReadonlyArray<number>
  readonly panels: ReadonlyArray<Panel>
}

const WIDTH = 960
const HEIGHT = 170
const MARGIN = { left: 76, right: 24, top: 34, bottom: 22 } as const
const HEAD = 44
const FOOT = 34

/** Told apart also by who sees few colours, and on paper. */
const COLOURS = ["#0b5394", "#c2410c", "#2f7d32"] as const

/** The diagrams below each other over one axis of time, as an SVG document. */
export const plot = ({ minutes, panels, title }: PlotOptions): string => {
  const times = ticksTo(Math.max(...minutes, 0), 12)
  const end = times.at(-1) ?? 1
  const width = WIDTH - MARGIN.left - MARGIN.right
  const x = (minute: number): number => MARGIN.left + (minute / end) * width
  const height = HEAD + panels.length * HEIGHT + FOOT
  const drawn = panels.map((panel, index) => draw(panel, { minutes, times, x, top: HEAD + index * HEIGHT }))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    label(MARGIN.left, 26, title, `font-size="16" font-weight="600"`),
    ...drawn,
    label(MARGIN.left + width / 2, height - 10, "minutes since the start", `text-anchor="middle"`),
    "</svg>",
    "",
  ].join("\n")
}

interface Frame {
  readonly minutes: ReadonlyArray<number>
  readonly times: ReadonlyArray<number>
  readonly x: (minute: number) => number
  readonly top: number
}

const draw = ({ marks = [], series, title, unit }: Panel, { minutes, times, top, x }: Frame): string => {
  const known = series.flatMap(({ values }) => values).filter(Number.isFinite)
  const ticks = ticksTo(Math.max(0, ...known), 4)
  const most = ticks.at(-1) ?? 1
  const [upper, lower] = [top + MARGIN.top, top + HEIGHT - MARGIN.bottom]
  const y = (value: number): number => lower - (value / most) * (lower - upper)
  const [left, right] = [MARGIN.left, WIDTH - MARGIN.right]
  return [
    label(left, top + 20, `${title}, ${unit}`, `font-weight="600"`),
    ...series.map(({ name }, index) =>
      series.length < 2
        ? ""
        : label(right - (series.length - 1 - index) * 90, top + 20, name, `text-anchor="end" fill="${colour(index)}"`),
    ),
    ...ticks.map(
      (tick) =>
        `<path d="M${left} ${fixed(y(tick))}H${right}" stroke="${tick === 0 ? "#666" : "#e2e2e2"}"/>` +
        label(left - 8, y(tick) + 4, number(tick), `text-anchor="end"`),
    ),
    ...times.map(
      (time) =>
        `<path d="M${fixed(x(time))} ${lower}v4" stroke="#666"/>` +
        label(x(time), lower + 17, number(time), `text-anchor="middle" fill="#555"`),
    ),
    ...marks.map(
      ({ from, level, name, to }) =>
        `<rect x="${fixed(x(from))}" y="${upper}" width="${fixed(x(to) - x(from))}" height="${lower - upper}" fill="#0b5394" opacity="0.06"/>` +
        `<path d="M${fixed(x(from))} ${fixed(y(level))}H${fixed(x(to))}" stroke="#0b5394" stroke-dasharray="5 3"/>` +
        label(x(from) + 6, y(level) - 5, name, `fill="#0b5394"`),
    ),
    ...series.map(
      ({ values }, index) =>
        `<path d="${line(values, minutes, x, y)}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>`,
    ),
    known.length === 0 ? label((left + right) / 2, (upper + lower) / 2, "not measured", `text-anchor="middle"`) : "",
  ]
    .filter((part) => part !== "")
    .join("\n")
}

const line = (
  values: ReadonlyArray<number>,
  minutes: ReadonlyArray<number>,
  x: (minute: number) => number,
  y: (value: number) => number,
): string => {
  let broken = true
  return values
    .map((value, index) => {
      if (!Number.isFinite(value)) {
        broken = true
        return ""
      }
      const command = broken ? "M" : "L"
      broken = false
      return `${command}${fixed(x(minutes[index] ?? 0))} ${fixed(y(value))}`
    })
    .join("")
}

const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? COLOURS[0]

const fixed = (value: number): string => value.toFixed(1)

const number = (value: number): string => value.toLocaleString("en", { maximumSignificantDigits: 6 })

const label = (x: number, y: number, text: string, attributes: string): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes}>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`
