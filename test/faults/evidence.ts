import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { type SymbolTrades } from "../../src/simulator/source/MarketSource.ts"
import { makeSyntheticMarket, type SyntheticMarketOptions } from "../../src/simulator/source/SyntheticMarket.ts"
import { decimalOfBigUnits } from "../../src/simulator/source/units.ts"
import { type ExchangeProcess } from "../fixtures/service/ExchangeProcess.ts"
import { type TestDatabase } from "../fixtures/service/TestPostgres.ts"
import { type Ids, type SymbolEvidence } from "./Verdict.ts"

/** What the exchange had sent at a moment, by symbol. */
export type Sent = Effect.Success<ExchangeProcess["sent"]>

/** Everything of a run that is judged. */
export interface Evidence {
  readonly symbols: ReadonlyArray<SymbolEvidence>
  /** Ids that rows and ledger together account for never or twice, by the query of docs/guarantees.md. */
  readonly unaccounted: ReadonlyArray<string>
  /** Gaps that were filled, and their ids. */
  readonly repaired: { readonly gaps: number; readonly ids: number }
}

/** The first query of the document, as a reader would copy it. */
const accounting = /```sql\n([^`]*?);\n```/.exec(
  readFileSync(new URL("../../docs/guarantees.md", import.meta.url), "utf8"),
)?.[1]

/** Reads the database and the simulator's own record, and makes the market again to compare with. */
export const gather = Effect.fnUntraced(function* (
  { query }: TestDatabase,
  { state }: ExchangeProcess,
  sent: Sent,
  options: SyntheticMarketOptions,
) {
  const market = makeSyntheticMarket(options)
  const [known, gaps, rows, repaired, unaccounted, { faults, newestId }] = yield* Effect.all(
    [
      query(`SELECT coalesce(symbol, named) AS symbol, coalesce(origin_id, 0) AS origin, coalesce(high_id, -1) AS high
        FROM symbols FULL JOIN (SELECT DISTINCT symbol AS named FROM raw_trades) AS rows ON symbol = named`),
      query(`SELECT symbol, first_id, last_id, state, coalesce(last_error, cause) AS reason FROM trade_gaps
        WHERE state <> 'filled' ORDER BY symbol, first_id`),
      query(`SELECT symbol, string_agg(concat_ws(' ', trade_id, price, quantity, side,
          (extract(epoch FROM timestamp) * 1000000)::bigint), E'\\n' ORDER BY trade_id) AS rows
        FROM raw_trades GROUP BY symbol`),
      query(`SELECT count(*) AS gaps, coalesce(sum(last_id - first_id + 1), 0)::bigint AS ids
        FROM trade_gaps WHERE state = 'filled'`),
      accounting === undefined ? Effect.die(new Error("docs/guarantees.md has no query")) : query(accounting),
      state,
    ],
    { concurrency: "unbounded" },
  )
  const floors = new Map<string, unknown>(
    faults.happened.flatMap(({ detail, kind }) => (kind === "restFloor" ? Object.entries(detail["floors"] ?? {}) : [])),
  )
  const symbols = known.map((row): SymbolEvidence => {
    const symbol = String(row["symbol"])
    const trades = market.symbols.get(symbol)
    return {
      symbol,
      origin: Number(row["origin"]),
      high: Number(row["high"]),
      rows: rows.flatMap((row) => (row["symbol"] === symbol ? String(row["rows"]).split("\n") : [])),
      gaps: gaps.flatMap((gap) =>
        gap["symbol"] === symbol ? [{ ...idsOf(gap), state: String(gap["state"]), reason: String(gap["reason"]) }] : [],
      ),
      sent: sent[symbol]?.ranges,
      floor: floors.has(symbol) ? Number(floors.get(symbol)) : undefined,
      newest: newestId[symbol] ?? -1,
      trade: (id) => (trades === undefined ? "none" : tradeOf(trades, id)),
    }
  })
  return {
    symbols,
    unaccounted: unaccounted.map((row) => Object.values(row).join(" ")),
    repaired: { gaps: Number(repaired[0]?.["gaps"]), ids: Number(repaired[0]?.["ids"]) },
  } satisfies Evidence
})

const idsOf = (row: Readonly<Record<string, unknown>>): Ids => ({
  first: Number(row["first_id"]),
  last: Number(row["last_id"]),
})

const tradeOf = (trades: SymbolTrades, id: number): string => {
  const trade = trades.trade(id)
  if (trade === undefined) return "none"
  const { buyerIsMaker, price, quantity, time } = trade
  return [id, decimalOfBigUnits(price), decimalOfBigUnits(quantity), buyerIsMaker ? "SELL" : "BUY", time].join(" ")
}
