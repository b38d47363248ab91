import { Console, Effect, Option } from "effect"
import { CliError, Command, Flag } from "effect/cli"

const millisOf = (text: string): Option.Option<number> => {
  const millis = text === "now" ? Date.now() : Date.parse(text)
  return Number.isNaN(millis) ? Option.none() : Option.some(millis)
}

/** The simulator is loaded where it is needed, so that the service, which is in this program too, does without. */
const faultsOf = Effect.fnUntraced(function* (json: string) {
  const { readFaults } = yield* Effect.promise(() => import("../simulator/faults/readFaults.ts"))
  return yield* Effect.try({
    try: () => readFaults(json),
    catch: (error) =>
      new CliError.InvalidValue({
        option: "faults",
        value: json,
        expected: error instanceof Error ? error.message : String(error),
        kind: "flag",
      }),
  })
})

const flags = {
  host: Flag.String("host").pipe(Flag.withDescription("Address to listen on"), Flag.withDefault("127.0.0.1")),
  port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on; 0 takes a free one"), Flag.withDefault(9443)),
  seed: Flag.String("seed").pipe(
    Flag.withDescription("The same seed makes the same trades"),
    Flag.withDefault("fulltape"),
  ),
  symbols: Flag.String("symbols").pipe(
    Flag.withDescription("Symbols to list, separated by commas"),
    Flag.map((text) => text.split(",").flatMap((symbol) => symbol.trim() || [])),
    Flag.filter(
      (symbols) => symbols.length > 0,
      () => "name at least one symbol",
    ),
    Flag.optional,
  ),
  rate: Flag.Finite("rate").pipe(
    Flag.withDescription("Trades a second, over all symbols together"),
    Flag.filter(
      (rate) => rate > 0,
      (rate) => `${rate} is not above 0`,
    ),
    Flag.withDefault(100),
  ),
  startId: Flag.Int("start-id").pipe(
    Flag.withDescription("Id of every symbol's first trade; unless given each has its own, BTCUSDT's beyond 32 bits"),
    Flag.filter(
      (id) => id >= 0,
      (id) => `${id} is below 0`,
    ),
    Flag.optional,
  ),
  epoch: Flag.String("epoch").pipe(
    Flag.withDescription("When every symbol's first trade happened: a date, or now. A restart continues from there"),
    Flag.filterMap(millisOf, (text) => `${text} is neither a date nor now`),
    Flag.optional,
  ),
  count: Flag.Int("count").pipe(
    Flag.withDescription("Trades of each symbol in this run, then silence"),
    Flag.filter(
      (count) => count > 0,
      (count) => `${count} is not above 0`,
    ),
    Flag.optional,
  ),
  atSubscribe: Flag.Boolean("at-subscribe").pipe(
    Flag.withDescription("Start the count, or the capture, with a stream's first subscriber instead of at once"),
    Flag.withDefault(true),
  ),
  captures: Flag.String("capture").pipe(
    Flag.withDescription("Recorded frames to replay instead of the market; may be repeated"),
    Flag.atLeast(0),
  ),
  speed: Flag.Finite("speed").pipe(
    Flag.withDescription("How much faster than recorded; 0: as fast as the client reads"),
    Flag.filter(
      (speed) => speed >= 0,
      (speed) => `${speed} is below 0`,
    ),
    Flag.withDefault(1),
  ),
  faults: Flag.String("faults").pipe(
    Flag.withDescription(`What goes wrong and when, as JSON: [{"at":"2 seconds","kind":"drop"}]`),
    Flag.mapEffect(faultsOf),
    Flag.withDefault([]),
  ),
  connectionAttempts: Flag.Int("connection-attempts").pipe(
    Flag.withDescription("Handshakes an address may try in 5 minutes; Binance allows 300, here unlimited unless given"),
    Flag.optional,
  ),
}

/**
 * `simulate`: a Binance on this machine. Prints one JSON line with its addresses once it listens, and serves until it
 * is interrupted.
 */
export const simulate = Command.make("simulate", flags, (input) =>
  Effect.gen(function* () {
    const { Simulator } = yield* Effect.promise(() => import("../simulator/Simulator.ts"))
    const serving = Effect.gen(function* () {
      const { restUrl, wsUrl } = yield* Simulator
      yield* Console.log(JSON.stringify({ simulator: "ready", wsUrl, restUrl }))
      return yield* Effect.never
    })
    const { connectionAttempts, count, epoch, startId, symbols, ...options } = input
    return yield* Effect.provide(
      serving,
      Simulator.layer({
        ...options,
        symbols: Option.getOrUndefined(symbols),
        startId: Option.getOrUndefined(startId),
        epoch: Option.getOrUndefined(epoch),
        count: Option.getOrUndefined(count),
        limits: { connectionAttempts: Option.getOrUndefined(connectionAttempts) },
      }),
    )
  }),
).pipe(Command.withDescription("Run a Binance on this machine: a made-up market, or a recorded one"))
