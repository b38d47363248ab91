import { assert, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as Database from "../../src/store/Database.ts"
import { storedPage } from "../../src/store/storedPage.ts"
import { TestPostgres } from "../fixtures/service/TestPostgres.ts"

it.layer(TestPostgres.layer, { excludeTestServices: true })("storedPage", (it) => {
  it.effect("reads the rows of a run of ids to the last digit, and what the ledger says of it", () =>
    Effect.gen(function* () {
      const { query, url } = yield* (yield* TestPostgres).create
      const database = { url: Redacted.make(url), poolMax: 2, timeout: Duration.seconds(5), market: "test" }
      yield* Effect.gen(function* () {
        yield* query("INSERT INTO symbols VALUES ('A', 'test', 5, 6000000040, now(), 7), ('B', 'test', 0, 9, now(), 0)")
        yield* query(`
          INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id) VALUES
            ('2026-10-03T12:30:53.440977Z', 'A', 123456789012.12345678, 0.1, 'SELL', 6000000011),
            ('2026-10-03T12:30:53.440Z', 'A', 7, 0.00000001, 'BUY', 6000000010),
            (now(), 'A', 1, 1, 'BUY', 6000000009), (now(), 'A', 1, 1, 'BUY', 6000000021),
            (now(), 'B', 1, 1, 'BUY', 6000000012)`)
        yield* query(`
          INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at) VALUES
            ('A', 6000000018, 6000000030, 'not received', 'unfillable', 'it is gone', now()),
            ('A', 6000000000, 6000000008, 'not received', 'open', NULL, NULL),
            ('A', 6000000012, 6000000013, 'not received', 'filling', 'it was late', NULL),
            ('A', 6000000014, 6000000015, 'not received', 'filled', NULL, now()),
            ('A', 6000000016, 6000000016, 'no reason', 'unfillable', NULL, now()),
            ('B', 6000000012, 6000000013, 'not received', 'open', NULL, NULL)`)
        const time = Date.UTC(2026, 9, 3, 12, 30, 53, 440) * 1000
        assert.deepStrictEqual(yield* storedPage("A", 6_000_000_010, 6_000_000_020), {
          rows: [
            { id: 6_000_000_010, price: "7.00000000", quantity: "0.00000001", side: "BUY", time },
            {
              id: 6_000_000_011,
              price: "123456789012.12345678",
              quantity: "0.10000000",
              side: "SELL",
              time: time + 977,
            },
          ],
          gaps: [
            { first: 6_000_000_012, last: 6_000_000_013, unfillable: undefined },
            { first: 6_000_000_016, last: 6_000_000_016, unfillable: "no reason" },
            { first: 6_000_000_018, last: 6_000_000_030, unfillable: "it is gone" },
          ],
          keptFrom: 7,
        })
      }).pipe(Effect.provide(Database.layer(database)))
    }),
  )
})
