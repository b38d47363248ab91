import { Clock, Effect, Layer, Logger, LogLevel, References } from "effect"
import type { Rotation } from "./appendRotating.ts"
import * as LogEvent from "./LogEvent.ts"
import { type LogDirUnwritable, open } from "./LogFiles.ts"

/** Where and how events are written. */
export interface LogOptions {
  /** Events below it are not made. */
  readonly level: LogLevel.LogLevel
  /** Of the terminal's lines; files are always JSON. */
  readonly format: "json" | "pretty"
  /** For `combined.log`, `error.log` and `performance.log`; undefined: no files. */
  readonly dir: string | undefined
  /** When those files are moved away; by default at 50 MB, keeping 5 of each. */
  readonly rotation?: Rotation
  /** In every line. */
  readonly service: string
  /** By default the process's standard output. */
  readonly output?: Output
}

/** The part of a stream that logs need. */
export interface Output {
  readonly write: (text: string) => unknown
  readonly on: (event: "error", listener: () => void) => unknown
  readonly listeners: (event: "error") => ReadonlyArray<unknown>
  readonly isTTY?: boolean
}

/** Marks the logs of an effect as measurements (batch times, rates, query times, memory): `performance.log` gets them. */
export const measurement: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.annotateLogs({
  kind: "measurement",
})

/**
 * Replaces Effect's loggers: one line an event, everything to standard output, errors too, so that one stream holds
 * events in their order and supervisors need not merge two. Logs inside a span are also events of that span.
 *
 * What was logged is in the files when the layer is released. Fails when `dir` cannot be written to.
 */
export const layer = (options: LogOptions): Layer.Layer<never, LogDirUnwritable> =>
  Layer.mergeAll(
    Logger.layer([Effect.suspend(() => makeLogger(options)), Logger.tracerLogger]),
    Layer.succeed(References.MinimumLogLevel, options.level),
  )

const makeLogger = Effect.fnUntraced(function* (options: LogOptions) {
  const output = options.output ?? process.stdout
  // a closed pipe or a full disk behind it must not end the process
  if (!output.listeners("error").includes(ignore)) output.on("error", ignore)
  const context = { service: options.service, stacks: LogLevel.isLessThanOrEqualTo(options.level, "Debug") }
  const colours = output.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb"
  const toTerminal = (event: LogEvent.LogEvent): unknown =>
    output.write(`${options.format === "json" ? LogEvent.toJson(event) : LogEvent.toPretty(event, colours)}\n`)
  const warn = (message: string): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      toTerminal({ date: new Date(now), level: "warn", message, service: options.service, fields: {} })
    })
  const toFiles = yield* options.dir === undefined
    ? Effect.succeed(ignore)
    : openFiles(options.dir, warn, options.rotation)
  return Logger.make((event) => {
    const made = LogEvent.make(event, context)
    toTerminal(made)
    toFiles(made)
  })
})

const openFiles = Effect.fnUntraced(function* (
  dir: string,
  onTrouble: (sentence: string) => Effect.Effect<void>,
  rotation: Rotation | undefined,
) {
  const [combined, errors, performance] = yield* open(
    dir,
    ["combined.log", "error.log", "performance.log"],
    onTrouble,
    rotation,
  )
  return (event: LogEvent.LogEvent): void => {
    const line = LogEvent.toJson(event)
    combined?.(line)
    if (event.level === "error" || event.level === "fatal") errors?.(line)
    if (event.fields["kind"] === "measurement") performance?.(line)
  }
})

const ignore = (): void => {}
