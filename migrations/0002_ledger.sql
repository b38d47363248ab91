-- Which ids of a symbol are accounted for. An id is stored if and only if it lies in origin_id .. high_id and in no gap
-- that is open, filling or unfillable. Every writer goes through commit_trades, which keeps that true.
CREATE TABLE symbols (
  symbol           TEXT        PRIMARY KEY,
  market           TEXT        NOT NULL,
  origin_id        BIGINT      NOT NULL,     -- the first id of the promise; only an import lowers it
  high_id          BIGINT      NOT NULL,     -- the highest id that was committed
  high_time        TIMESTAMPTZ NOT NULL,     -- of the trade high_id
  kept_from_id     BIGINT      NOT NULL,     -- rows below it were removed by retention
  CHECK (origin_id <= high_id + 1)
);

-- Runs of ids between origin and high that have, or had, no row.
CREATE TABLE trade_gaps (
  gap_id           BIGINT      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  symbol           TEXT        NOT NULL REFERENCES symbols,
  first_id         BIGINT      NOT NULL,
  last_id          BIGINT      NOT NULL,
  noticed_at       TIMESTAMPTZ NOT NULL DEFAULT now(),
  cause            TEXT        NOT NULL,
  state            TEXT        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'filling', 'filled', 'unfillable')),
  leased_until     TIMESTAMPTZ,              -- of a filling gap: after this it is anybody's again
  attempts         INTEGER     NOT NULL DEFAULT 0,
  last_error       TEXT,                     -- of an unfillable gap: why
  closed_at        TIMESTAMPTZ,
  CHECK (first_id <= last_id),
  CHECK ((state IN ('filled', 'unfillable')) = (closed_at IS NOT NULL))
);

-- What is left to fill, and what can never be.
CREATE INDEX trade_gaps_unstored ON trade_gaps (symbol, first_id) WHERE state <> 'filled';

-- A database that was filled before the ledger existed gets one: its holes become open gaps.
INSERT INTO symbols (symbol, market, origin_id, high_id, high_time, kept_from_id)
SELECT symbol, (SELECT market FROM stored_market), min(trade_id), max(trade_id),
  (SELECT timestamp FROM raw_trades AS newest WHERE newest.symbol = raw_trades.symbol ORDER BY trade_id DESC LIMIT 1), min(trade_id)
FROM raw_trades
GROUP BY symbol;

INSERT INTO trade_gaps (symbol, first_id, last_id, cause)
SELECT symbol, previous + 1, trade_id - 1, 'missing when the ledger was made'
FROM (SELECT symbol, trade_id, lag(trade_id) OVER (PARTITION BY symbol ORDER BY trade_id) AS previous FROM raw_trades) AS ids
WHERE trade_id > previous + 1;

-- Commits trades of any writer, each id once, in one transaction: takes those above the symbol's high and those inside a gap that
-- may be filled, inserts them, moves the high, records the holes that they leave, and closes or splits the gaps that they fill.
-- A trade with a reason is one that the table cannot hold: it gets no row, and its id is in the ledger as unfillable, until a
-- trade of that id comes that the table can hold.
-- Everything else of the batch is there already, or below the origin.
CREATE FUNCTION commit_trades(
  p_market TEXT,
  p_cause TEXT,                    -- of the holes that these trades leave
  p_symbols TEXT[], p_ids BIGINT[], p_times_us BIGINT[], p_prices TEXT[], p_quantities TEXT[], p_sides TEXT[],
  p_buyers BIGINT[], p_sellers BIGINT[], p_reasons TEXT[],
  OUT stored BIGINT,               -- rows inserted
  OUT opened BIGINT,               -- holes recorded
  OUT regressed TEXT[]             -- the symbol of each trade whose id is at or below the high though its time is later: the
                                   -- exchange numbers anew, and nothing of it is stored
) LANGUAGE plpgsql AS $$
DECLARE
  filled_symbols TEXT[];
  filled_ids BIGINT[];
  filled_rows BOOLEAN[];
BEGIN
  INSERT INTO symbols (symbol, market, origin_id, high_id, high_time, kept_from_id)
  SELECT trade.symbol, p_market, min(trade.id), min(trade.id) - 1, 'epoch', min(trade.id)
  FROM unnest(p_symbols, p_ids) AS trade (symbol, id)
  WHERE NOT EXISTS (SELECT FROM symbols AS known WHERE known.symbol = trade.symbol)
  GROUP BY trade.symbol ORDER BY trade.symbol
  ON CONFLICT DO NOTHING;

  -- In name order, so that no two writers wait for each other; and as a statement of its own, because the next one has to see
  -- the ledger as the writer before us left it.
  PERFORM FROM symbols WHERE symbol = ANY (p_symbols) ORDER BY symbol FOR UPDATE;

  WITH batch AS MATERIALIZED (
    SELECT DISTINCT ON (trade.symbol, trade.id) trade.*, known.high_id,
      timestamptz 'epoch' + trade.time_us * interval '1 microsecond' > known.high_time + interval '1 millisecond' AS is_later
    FROM unnest(p_symbols, p_ids, p_times_us, p_prices, p_quantities, p_sides, p_buyers, p_sellers, p_reasons)
      AS trade (symbol, id, time_us, price, quantity, side, buyer, seller, reason)
    JOIN symbols AS known ON known.symbol = trade.symbol
    ORDER BY trade.symbol, trade.id, trade.reason NULLS FIRST
  ), taken AS MATERIALIZED (
    SELECT * FROM batch
    WHERE id > high_id OR EXISTS (
      SELECT FROM trade_gaps AS gap
      WHERE gap.symbol = batch.symbol AND batch.id BETWEEN gap.first_id AND gap.last_id
        AND (gap.state IN ('open', 'filling') OR gap.state = 'unfillable' AND gap.cause = 'refused' AND batch.reason IS NULL))
  ), inserted AS (
    INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
    SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price::numeric, quantity::numeric, side, id, buyer, seller
    FROM taken WHERE reason IS NULL
    RETURNING 1
  ), above AS (
    SELECT symbol, id, time_us, reason, coalesce(lag(id) OVER (PARTITION BY symbol ORDER BY id), high_id) AS previous
    FROM taken WHERE id > high_id
  ), moved AS (
    UPDATE symbols SET high_id = newest.id, high_time = timestamptz 'epoch' + newest.time_us * interval '1 microsecond'
    FROM (SELECT DISTINCT ON (symbol) symbol, id, time_us FROM above ORDER BY symbol, id DESC) AS newest
    WHERE symbols.symbol = newest.symbol
  ), holes AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause)
    SELECT symbol, previous + 1, id - 1, p_cause FROM above WHERE id > previous + 1
    RETURNING 1
  ), refusals AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
    SELECT symbol, id, id, 'refused', 'unfillable', reason, now() FROM taken WHERE reason IS NOT NULL
  )
  SELECT (SELECT count(*) FROM inserted), (SELECT count(*) FROM holes),
    (SELECT array_agg(symbol) FROM batch WHERE is_later AND id <= high_id AND NOT EXISTS (
      SELECT FROM taken WHERE taken.symbol = batch.symbol AND taken.id = batch.id)),
    array_agg(symbol) FILTER (WHERE id <= high_id), array_agg(id) FILTER (WHERE id <= high_id),
    array_agg(reason IS NULL) FILTER (WHERE id <= high_id)
  INTO stored, opened, regressed, filled_symbols, filled_ids, filled_rows
  FROM taken;

  IF filled_ids IS NOT NULL THEN
    PERFORM account_for(filled_symbols, filled_ids, filled_rows);
  END IF;
END $$;

-- Takes ids out of the gaps that hold them: what is left of a gap stays as it was, and the runs that got rows are kept as filled.
CREATE FUNCTION account_for(p_symbols TEXT[], p_ids BIGINT[], p_stored BOOLEAN[]) RETURNS VOID LANGUAGE sql AS $$
  WITH taken AS (
    SELECT gap.gap_id, id.id, id.stored
    FROM unnest(p_symbols, p_ids, p_stored) AS id (symbol, id, stored)
    JOIN trade_gaps AS gap
      ON gap.symbol = id.symbol AND id.id BETWEEN gap.first_id AND gap.last_id
      AND (gap.state IN ('open', 'filling') OR gap.state = 'unfillable' AND gap.cause = 'refused' AND id.stored)
  ), runs AS (
    -- Consecutive ids have the same difference to their rank.
    SELECT gap_id, stored, min(id) AS first_id, max(id) AS last_id
    FROM (SELECT gap_id, stored, id, id - row_number() OVER (PARTITION BY gap_id, stored ORDER BY id) AS run FROM taken) AS ranked
    GROUP BY gap_id, stored, run
  ), edges AS (
    SELECT runs.gap_id, runs.first_id, runs.last_id,
      coalesce(lag(runs.last_id) OVER same_gap, gap.first_id - 1) AS last_before,
      CASE WHEN lead(runs.first_id) OVER same_gap IS NULL THEN gap.last_id END AS last_of_gap
    FROM runs JOIN trade_gaps AS gap USING (gap_id)
    WINDOW same_gap AS (PARTITION BY runs.gap_id ORDER BY runs.first_id)
  ), left_over AS (
    SELECT gap_id, last_before + 1 AS first_id, first_id - 1 AS last_id FROM edges WHERE first_id > last_before + 1
    UNION ALL
    SELECT gap_id, last_id + 1, last_of_gap FROM edges WHERE last_of_gap > last_id
  ), gone AS (
    DELETE FROM trade_gaps WHERE gap_id IN (SELECT gap_id FROM runs) RETURNING *
  )
  INSERT INTO trade_gaps (symbol, first_id, last_id, noticed_at, cause, state, leased_until, attempts, last_error, closed_at)
  SELECT symbol, left_over.first_id, left_over.last_id, noticed_at, cause, state, leased_until, attempts, last_error, NULL
  FROM left_over JOIN gone USING (gap_id)
  UNION ALL
  SELECT symbol, runs.first_id, runs.last_id, noticed_at, cause, 'filled', NULL, attempts, NULL, now()
  FROM runs JOIN gone USING (gap_id) WHERE runs.stored
$$;
