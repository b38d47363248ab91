import { contenderNames } from "../harness/Contender.ts"
import { type Report } from "./Report.ts"
import { sustainedOf } from "./sustainedOf.ts"

interface Bar {
  readonly label: string
  readonly value: number
  readonly colour: string
}

interface Chart {
  readonly title: string
  readonly unit: string
  /** Groups of bars, with a name each. */
  readonly groups: ReadonlyArray<{ readonly name: string; readonly bars: ReadonlyArray<Bar> }>
  /** Whether lengths are logarithms: for values that differ by more than a reader could compare. */
  readonly logarithmic?: boolean
}

const WIDTH = 820
const LEFT = 150
const RIGHT = 110
const BAR = 18
const GAP = 14
const HEAD = 56

const COLOURS = { floor: "#8a8a8a", fulltape: "#0b5394", binance: "#c2410c", ccxt: "#2f7d32" } as const

const text = (x: number, y: number, content: string, attributes = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`

const shown = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 1 : 0 })

/** Horizontal bars below each other, as an SVG document. */
const draw = ({ groups, logarithmic = false, title, unit }: Chart): string => {
  const known = groups.flatMap(({ bars }) => bars.map(({ value }) => value)).filter(Number.isFinite)
  const scale = (value: number): number => (logarithmic ? Math.log10(Math.max(1, value)) : value)
  const most = Math.max(scale(Math.max(...known)), Number.MIN_VALUE)
  const parts: Array<string> = []
  let y = HEAD
  for (const { bars, name } of groups) {
    parts.push(text(16, y + 13, name, `font-weight="600"`))
    for (const { colour, label, value } of bars) {
      const width = Number.isFinite(value) ? Math.max(1, (scale(value) / most) * (WIDTH - LEFT - RIGHT)) : 0
      parts.push(
        text(LEFT - 8, y + 13, label, `text-anchor="end"`),
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 4}" fill="${colour}"/>`,
        text(LEFT + width + 6, y + 12, Number.isFinite(value) ? shown(value) : "not reached"),
      )
      y += BAR
    }
    y += GAP
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(16, 24, title, `font-size="15" font-weight="600"`),
    text(16, 42, logarithmic ? `${unit}, logarithmic` : unit, `fill="#555"`),
    ...parts,
    "</svg>",
    "",
  ].join("\n")
}

/** The charts of a run, by the name of their file. */
export const chartsOf = (report: Report): Readonly<Record<string, string>> => {
  const rates = [...new Set(report.atRates.map(({ rate }) => rate))]
  const byRate = (value: (trial: Report["atRates"][number]) => number | null) =>
    rates.map((rate) => ({
      name: `${shown(rate)}/s`,
      bars: contenderNames.map((name) => {
        const trial = report.atRates.find((found) => found.rate === rate && found.name === name)
        return { label: name, colour: COLOURS[name], value: (trial === undefined ? null : value(trial)) ?? Number.NaN }
      }),
    }))
  const ofRates = {
    "latency.svg": draw({
      title: "From publication to commit, 99th percentile",
      unit: "ms",
      groups: byRate(({ latency }) => latency.p99),
      logarithmic: true,
    }),
    "cpu.svg": draw({
      title: "CPU of the process a trade",
      unit: "µs",
      groups: byRate(({ cpu }) => cpu.process),
      logarithmic: true,
    }),
    "memory.svg": draw({
      title: "Peak resident memory",
      unit: "MiB",
      groups: byRate(({ peakMebibytes }) => peakMebibytes),
    }),
  }
  const ofSustained = {
    "sustained.svg": draw({
      title: "Sustained with nothing missing",
      unit: "trades a second, median of the rounds",
      groups: [1_000, 100].map((size) => ({
        name: `to ${shown(size)}`,
        bars: contenderNames
          .filter((name) => report.sustained.some((found) => found.name === name && found.batchSize === size))
          .map((name) => ({ label: name, colour: COLOURS[name], value: sustainedOf(report, name, size) })),
      })),
    }),
  }
  return {
    ...(report.parts.includes("sustained") ? ofSustained : {}),
    ...(report.parts.includes("rates") ? ofRates : {}),
  }
}
