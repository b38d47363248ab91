import { Console, Duration, Effect, Option, Predicate, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient } from "effect/http"
import type { BinanceCheck, Connection, PartCheck } from "../api/HealthChecks.ts"
import { HealthReport } from "../api/HealthGroup.ts"
import { Settings } from "../Settings.ts"

/** Longer than the database may take to answer. */
const PATIENCE = Duration.seconds(15)

/** The service is down, or nothing that could be asked is there. */
export class Unhealthy extends Schema.TaggedError<Unhealthy>()("Unhealthy", { message: Schema.String }) {}

const url = Flag.String("url").pipe(
  Flag.withDescription("Where the service is, such as http://localhost:3000; by default HOST and PORT"),
  Flag.optional,
)

const json = Flag.Boolean("json").pipe(Flag.withDescription("Print the answer as JSON"), Flag.withDefault(false))

const ready = Flag.Boolean("ready").pipe(
  Flag.withDescription("Exit 1 also while no trades are being stored, because the database or the exchange is away"),
  Flag.withDefault(false),
)

/**
 * Asks the running service how it is, prints the answer, and fails when it is down, which a restart mends, or does not answer. What a
 * restart does not mend is printed, and no failure unless that is asked for.
 */
export const health = Command.make("health", { url, json, ready }, ({ json, ready, url }) =>
  Effect.gen(function* () {
    const target = yield* Option.match(url, { onSome: named, onNone: () => configured })
    const report = yield* ask(target)
    yield* Console.log(json ? JSON.stringify(report, null, 2) : summary(report, target))
    if (report.status === "down")
      return yield* new Unhealthy({ message: `${report.service} at ${target.origin} is down.` })
    if (ready && !report.ready)
      return yield* new Unhealthy({ message: `${report.service} at ${target.origin} stores no trades now.` })
  }),
).pipe(
  Command.withDescription("Ask the running service how it is: exits 1 when a restart is needed, or nothing is there"),
)

const named = (text: string) => {
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`
  if (!URL.canParse(withScheme)) {
    return new Unhealthy({ message: `--url "${text}" is not a URL; it takes one such as http://localhost:3000.` })
  }
  const target = new URL(withScheme)
  if (target.pathname === "/") target.pathname = "/health"
  return Effect.succeed(target)
}

const configured = Effect.gen(function* () {
  const { host, port } = (yield* Settings).http
  if (port === 0)
    return yield* new Unhealthy({ message: "With PORT=0 the service chooses its port: name it with --url." })
  return new URL(`http://${reachable(host)}:${port}/health`)
}).pipe((effect) => Effect.provide(effect, Settings.layer()))

/** A host that means every address is to be asked on this machine's own. */
const reachable = (host: string): string => {
  if (host === "0.0.0.0") return "127.0.0.1"
  if (host === "::") return "[::1]"
  return host.includes(":") ? `[${host}]` : host
}

const ask = (target: URL) =>
  HttpClient.get(target).pipe(
    Effect.mapError((error) => new Unhealthy({ message: unanswered(target, error) })),
    Effect.flatMap((response) =>
      Effect.mapError(
        Effect.flatMap(response.json, Schema.decodeUnknownEffect(HealthReport)),
        () =>
          new Unhealthy({ message: `What answers at ${target.href} is not Fulltape: name the service with --url.` }),
      ),
    ),
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () =>
        new Unhealthy({
          message: `${target.href} did not answer within ${Duration.format(PATIENCE)}: look at its log.`,
        }),
    }),
    Effect.provide(FetchHttpClient.layer),
  )

const unanswered = (target: URL, error: unknown): string => {
  const code = codeOf(error)
  return code === "ECONNREFUSED"
    ? `Nothing listens at ${target.origin}: start the service, or name it with --url.`
    : `${target.origin} cannot be reached (${code}): name the service with --url.`
}

/** Of the innermost cause: the client says only that it failed. */
const codeOf = (error: unknown): string => {
  let cause = error
  while (true) {
    if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
    const inner: unknown = Predicate.hasProperty(cause, "reason") ? cause.reason : undefined
    const next: unknown = inner ?? (Predicate.hasProperty(cause, "cause") ? cause.cause : undefined)
    if (next === undefined) return cause instanceof Error ? cause.message : String(cause)
    cause = next
  }
}

const summary = ({ checks, gaps, problems, uncommitted, ...report }: HealthReport, target: URL): string => {
  const { binance, database } = checks
  const newest = new Map(binance.symbols.map((symbol) => [symbol.symbol, symbol]))
  return [
    `${report.service} ${report.version} at ${target.origin} is ${report.status} since ${report.since}, running for ${duration(report.uptime)}`,
    `  trades    ${report.ready ? "are being stored" : "are NOT being stored"}: ${gaps.missingIds} missing, ${uncommitted.trades} waiting for their commit, the oldest for ${duration(uncommitted.oldestSeconds)}`,
    part("pipeline", checks.pipeline),
    `${part("database", database)}${database.flavour === null ? "" : ` (${database.flavour} ${database.version})`}`,
    part("binance", binance),
    ...binance.connections.flatMap((connection) => [
      `    ${described(connection)}`,
      ...connection.symbols.map((symbol) => `      ${lastTrade(symbol, newest.get(symbol))}`),
    ]),
    part("spill", checks.spill),
    part("repair", checks.repair),
    ...(problems.length === 0 ? [] : ["What is wrong:", ...problems.map((problem) => `  - ${problem}`)]),
  ].join("\n")
}

const part = (name: string, { since, status }: Pick<PartCheck, "status" | "since">): string =>
  `  ${name.padEnd(9)} ${status} since ${since}`

const described = ({ host, lastLoss, nextRotation, reconnects, secondsSinceLastFrame, since, state }: Connection) =>
  `${host} ${state} since ${since}` +
  (secondsSinceLastFrame === null ? "" : `, last frame ${duration(secondsSinceLastFrame)} ago`) +
  `, ${reconnects} reconnects` +
  (nextRotation === null ? "" : `, replaced by ${nextRotation}`) +
  (lastLoss === null ? "" : `; last lost because ${lastLoss}`)

const lastTrade = (symbol: string, newest: BinanceCheck["symbols"][number] | undefined): string =>
  newest?.lastTrade == null || newest.lagSeconds === null
    ? `${symbol}: no trade yet`
    : `${symbol}: trade ${newest.lastTrade.id}, matched ${duration(newest.lagSeconds)} ago`

const duration = (seconds: number): string =>
  seconds < 10 ? `${seconds.toFixed(1)}s` : Duration.format(Duration.seconds(Math.floor(seconds)))
