const read = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is not set`)
  return value
}

/** What a contender is told, by the names that Fulltape reads too. */
export const environment = {
  databaseUrl: read("DATABASE_URL"),
  /** Scheme, host and port. */
  wsOrigin:
    new URL(read("BINANCE_WS_URL")).origin.replace(/^null$/, "") || read("BINANCE_WS_URL").replace(/\/\w*$/, ""),
  restUrl: read("BINANCE_REST_URL"),
  symbols: read("BINANCE_SYMBOLS").split(","),
  batchSize: Number(read("BATCH_SIZE")),
  /** Milliseconds. */
  batchTimeout: Number(read("BATCH_TIMEOUT")),
}

/** The streams of the symbols. */
export const streams = environment.symbols.map((symbol) => `${symbol.toLowerCase()}@trade`)
