import { memoryOf } from "./Memory.ts"
import { type Panel, plot } from "./Plot.ts"
import { type Sample } from "./Sample.ts"

const MIB = 1024 * 1024

/** The samples of a run of so many minutes as an SVG document. */
export const plotOf = (samples: ReadonlyArray<Sample>, minutes: number, title: string): string => {
  const of = (name: string, value: (sample: Sample) => number) => ({ name, values: samples.map(value) })
  const { early, earlyBytes, late, lateBytes } = memoryOf(samples, minutes)
  const marks = [
    { ...early, level: earlyBytes / MIB },
    { ...late, level: lateBytes / MIB },
  ].flatMap((mark) => (Number.isFinite(mark.level) ? [{ ...mark, name: `at most ${mark.level.toFixed(0)}` }] : []))
  const panels: ReadonlyArray<Panel> = [
    {
      title: "Memory",
      unit: "MiB",
      series: [of("resident", ({ rssBytes }) => rssBytes / MIB), of("heap", ({ heapBytes }) => heapBytes / MIB)],
      marks,
    },
    { title: "CPU", unit: "% of one core", series: [of("cpu", ({ cpuPercent }) => cpuPercent)] },
    { title: "Trades stored", unit: "a second", series: [{ name: "rate", values: ratesOf(samples) }] },
    {
      title: "Oldest trade that is not committed",
      unit: "s",
      series: [of("age", ({ oldestUncommittedSeconds }) => oldestUncommittedSeconds)],
    },
    {
      title: "Event-loop delay",
      unit: "ms",
      series: [of("delay", ({ eventLoopDelaySeconds }) => eventLoopDelaySeconds * 1000)],
    },
    { title: "Database", unit: "MiB", series: [of("size", ({ databaseBytes }) => databaseBytes / MIB)] },
  ]
  return plot({ title, minutes: samples.map(({ seconds }) => seconds / 60), panels })
}

/** Trades a second since the sample before. */
const ratesOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<number> =>
  samples.map(({ seconds, storedTrades }, index) => {
    const before = samples[index - 1]
    return before === undefined ? Number.NaN : (storedTrades - before.storedTrades) / (seconds - before.seconds)
  })
