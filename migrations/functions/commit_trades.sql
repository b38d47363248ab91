-- Defined anew at every start, so this file always has what the database does.

-- Commits trades of any writer, each id once, in one transaction: takes those above the symbol's high and those inside a gap that
-- may be filled, inserts them, moves the high, records the holes that they leave, and closes or splits the gaps that they fill.
-- A trade with a reason is one that the table cannot hold, and gets no row. Its id is a gap that is to be filled, since a frame may be
-- broken where the trade is not; when the exchange was asked and the table cannot hold what it says, the id is unfillable, until a
-- trade of it comes that the table can hold. A trade that is later than the high though its id is not above it gets nothing, since the
-- exchange may number anew; unless the exchange was asked for it to fill a gap: behind a bogus id every real one is later. Everything
-- else of the batch is there already, or below the origin. The minutes of what is stored are noted in candle_changes.
CREATE OR REPLACE FUNCTION commit_trades(
  p_market TEXT,
  p_cause TEXT,                    -- of the holes that these trades leave
  p_asked BOOLEAN,                 -- whether the exchange was asked for these trades, so that a refusal is final
  p_most BIGINT,                   -- ids of one hole that are worth filling, its newest ones
  p_unwanted TEXT[],               -- the symbols whose hole behind the high is not to be filled: CATCH_UP=false
  p_symbols TEXT[], p_ids BIGINT[], p_times_us BIGINT[], p_prices NUMERIC[], p_quantities NUMERIC[], p_sides TEXT[],
  p_buyers BIGINT[], p_sellers BIGINT[], p_reasons TEXT[],   -- each may be empty: none is known
  OUT stored BIGINT,               -- rows inserted
  OUT opened BIGINT,               -- gaps recorded that are to be filled
  OUT regressed_symbols TEXT[],    -- of the trades that are numbered anew
  OUT regressed_ids BIGINT[]
) LANGUAGE plpgsql AS $$
DECLARE
  names TEXT[] := ARRAY(SELECT DISTINCT unnest(p_symbols) ORDER BY 1);
  follow BOOLEAN;
  last_symbols TEXT[];
  last_ids BIGINT[];
  last_times_us BIGINT[];
  minute_symbols TEXT[];
  minute_ids BIGINT[];
  minute_times_us BIGINT[];
  filled_symbols TEXT[];
  filled_ids BIGINT[];
  filled_rows BOOLEAN[];
  filled_gap BIGINT;
BEGIN
  IF (SELECT count(*) FROM symbols WHERE symbol = ANY (names)) < cardinality(names) THEN
    INSERT INTO symbols (symbol, market, origin_id, high_id, high_time, kept_from_id)
    SELECT trade.symbol, p_market, min(trade.id), min(trade.id) - 1, 'epoch', min(trade.id)
    FROM unnest(p_symbols, p_ids) AS trade (symbol, id)
    GROUP BY trade.symbol ORDER BY trade.symbol
    ON CONFLICT DO NOTHING;
  END IF;

  -- In name order, so that no two writers wait for each other; and as a statement of its own, because the next one has to see
  -- the ledger as the writer before us left it.
  PERFORM FROM symbols WHERE symbol = ANY (names) ORDER BY symbol FOR UPDATE;

  -- Most pages that fill a gap are one run of ids in it, and their times ascend. Then each of them is missing, and nothing else changes.
  IF p_asked AND cardinality(p_reasons) = 0 AND cardinality(names) = 1 THEN
    SELECT gap_id INTO filled_gap FROM trade_gaps
    WHERE symbol = names[1] AND state IN ('open', 'filling')
      AND p_ids[1] BETWEEN first_id AND last_id AND p_ids[cardinality(p_ids)] BETWEEN first_id AND last_id;
    IF FOUND THEN
      SELECT
        bool_and(before_id IS NULL OR id = before_id + 1 AND time_us >= before_us),
        array_agg(id) FILTER (WHERE before_id IS NULL OR time_us / 60000000 <> before_us / 60000000),
        array_agg(time_us) FILTER (WHERE before_id IS NULL OR time_us / 60000000 <> before_us / 60000000)
      INTO follow, minute_ids, minute_times_us
      FROM unnest(p_ids, p_times_us, NULL::bigint || p_ids, NULL::bigint || p_times_us) AS trade (id, time_us, before_id, before_us)
      WHERE id IS NOT NULL;
      IF follow THEN
        INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
        SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price, quantity, side, id, buyer, seller
        FROM unnest(p_symbols, p_ids, p_times_us, p_prices, p_quantities, p_sides, p_buyers, p_sellers)
          AS trade (symbol, id, time_us, price, quantity, side, buyer, seller);
        INSERT INTO candle_changes (symbol, minute, first_id, first_time)
        SELECT names[1], timestamptz 'epoch' + time_us / 60000000 * interval '1 minute', id,
          timestamptz 'epoch' + time_us * interval '1 microsecond'
        FROM unnest(minute_ids, minute_times_us) AS minute (id, time_us);
        PERFORM fill_run(filled_gap, p_ids[1], p_ids[cardinality(p_ids)]);
        stored := cardinality(p_ids);
        opened := 0;
        RETURN;
      END IF;
    END IF;
  END IF;

  -- Most batches hold of each symbol one run of ids that begins behind its high, and their times ascend. Then there is nothing to
  -- look up, and a minute begins where it differs from the one of the trade before.
  IF cardinality(p_reasons) = 0 THEN
    SELECT
      bool_and(CASE
        WHEN trade.before = trade.symbol THEN trade.id = trade.before_id + 1 AND trade.time_us >= trade.before_us
        ELSE EXISTS (SELECT FROM symbols WHERE symbols.symbol = trade.symbol AND high_id = trade.id - 1)
      END),
      array_agg(symbol) FILTER (WHERE behind IS DISTINCT FROM symbol),
      array_agg(id) FILTER (WHERE behind IS DISTINCT FROM symbol),
      array_agg(time_us) FILTER (WHERE behind IS DISTINCT FROM symbol),
      array_agg(symbol) FILTER (WHERE before IS DISTINCT FROM symbol OR time_us / 60000000 <> before_us / 60000000),
      array_agg(id) FILTER (WHERE before IS DISTINCT FROM symbol OR time_us / 60000000 <> before_us / 60000000),
      array_agg(time_us) FILTER (WHERE before IS DISTINCT FROM symbol OR time_us / 60000000 <> before_us / 60000000)
    INTO follow, last_symbols, last_ids, last_times_us, minute_symbols, minute_ids, minute_times_us
    FROM unnest(p_symbols, p_ids, p_times_us, NULL::text || p_symbols, NULL::bigint || p_ids, NULL::bigint || p_times_us, p_symbols[2:])
      AS trade (symbol, id, time_us, before, before_id, before_us, behind)
    WHERE symbol IS NOT NULL;
    IF follow AND cardinality(last_symbols) = cardinality(names) THEN
      INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
      SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price, quantity, side, id, buyer, seller
      FROM unnest(p_symbols, p_ids, p_times_us, p_prices, p_quantities, p_sides, p_buyers, p_sellers)
        AS trade (symbol, id, time_us, price, quantity, side, buyer, seller);
      UPDATE symbols SET high_id = newest.id, high_time = timestamptz 'epoch' + newest.time_us * interval '1 microsecond'
      FROM unnest(last_symbols, last_ids, last_times_us) AS newest (symbol, id, time_us)
      WHERE symbols.symbol = newest.symbol;
      INSERT INTO candle_changes (symbol, minute, first_id, first_time)
      SELECT symbol, timestamptz 'epoch' + time_us / 60000000 * interval '1 minute', id,
        timestamptz 'epoch' + time_us * interval '1 microsecond'
      FROM unnest(minute_symbols, minute_ids, minute_times_us) AS minute (symbol, id, time_us);
      stored := cardinality(p_ids);
      opened := 0;
      RETURN;
    END IF;
  END IF;

  WITH batch AS MATERIALIZED (
    SELECT DISTINCT ON (trade.symbol, trade.id) trade.*, known.high_id, known.kept_from_id,
      trade.id <= known.high_id
        AND timestamptz 'epoch' + trade.time_us * interval '1 microsecond' > known.high_time + interval '1 millisecond' AS is_anew
    FROM unnest(p_symbols, p_ids, p_times_us, p_prices, p_quantities, p_sides, p_buyers, p_sellers, p_reasons)
      AS trade (symbol, id, time_us, price, quantity, side, buyer, seller, reason)
    JOIN symbols AS known ON known.symbol = trade.symbol
    ORDER BY trade.symbol, trade.id, trade.reason NULLS FIRST
  ), taken AS MATERIALIZED (
    SELECT * FROM batch
    WHERE id > high_id OR (p_asked OR reason IS NULL AND NOT is_anew) AND EXISTS (
      -- A trade that came is a trade, whatever was given up; but not one that may be another than was given up, nor one that
      -- retention has left behind.
      SELECT FROM trade_gaps AS gap
      WHERE gap.symbol = batch.symbol AND batch.id BETWEEN gap.first_id AND gap.last_id
        AND (gap.state IN ('open', 'filling')
          OR gap.state = 'unfillable' AND batch.reason IS NULL AND NOT batch.is_anew AND batch.id >= batch.kept_from_id))
  ), inserted AS (
    INSERT INTO raw_trades (timestamp, symbol, price, quantity, side, trade_id, buyer_order_id, seller_order_id)
    SELECT timestamptz 'epoch' + time_us * interval '1 microsecond', symbol, price, quantity, side, id, buyer, seller
    FROM taken WHERE reason IS NULL
    RETURNING symbol, timestamp, trade_id
  ), changed AS (
    INSERT INTO candle_changes (symbol, minute, first_id, first_time)
    SELECT symbol, date_bin('1 minute', timestamp, 'epoch'), min(trade_id), min(timestamp) FROM inserted GROUP BY 1, 2
  ), above AS (
    SELECT symbol, id, time_us, high_id, coalesce(lag(id) OVER (PARTITION BY symbol ORDER BY id), high_id) AS previous
    FROM taken WHERE id > high_id
  ), moved AS (
    UPDATE symbols SET high_id = newest.id, high_time = timestamptz 'epoch' + newest.time_us * interval '1 microsecond'
    FROM (SELECT DISTINCT ON (symbol) symbol, id, time_us FROM above ORDER BY symbol, id DESC) AS newest
    WHERE symbols.symbol = newest.symbol
  ), hole AS (
    -- From first_id to wanted_from - 1 nothing is to be fetched.
    SELECT symbol, previous + 1 AS first_id, id - 1 AS last_id, is_unwanted,
      CASE WHEN is_unwanted THEN id ELSE greatest(previous + 1, id - p_most) END AS wanted_from
    FROM (SELECT *, previous = high_id AND symbol = ANY (p_unwanted) AS is_unwanted FROM above) AS above
    WHERE id > previous + 1
  ), wanted AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause)
    SELECT symbol, wanted_from, last_id, p_cause FROM hole WHERE wanted_from <= last_id
    RETURNING 1
  ), unwanted AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
    SELECT symbol, first_id, wanted_from - 1, p_cause, 'unfillable',
      CASE WHEN is_unwanted THEN 'CATCH_UP=false' ELSE 'More than CATCH_UP_MAX=' || p_most || ' ids were missing at once.' END, now()
    FROM hole WHERE first_id < wanted_from
  ), refused AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, cause, state, last_error, closed_at)
    SELECT symbol, id, id, 'refused', CASE WHEN p_asked THEN 'unfillable' ELSE 'open' END, reason, CASE WHEN p_asked THEN now() END
    FROM taken WHERE reason IS NOT NULL
    RETURNING state
  ), anew AS (
    SELECT array_agg(symbol) AS symbols, array_agg(id) AS ids FROM batch
    WHERE is_anew AND NOT EXISTS (SELECT FROM taken WHERE taken.symbol = batch.symbol AND taken.id = batch.id)
  )
  SELECT (SELECT count(*) FROM inserted),
    (SELECT count(*) FROM wanted) + (SELECT count(*) FROM refused WHERE state = 'open'),
    (SELECT anew.symbols FROM anew), (SELECT ids FROM anew),
    array_agg(symbol) FILTER (WHERE id <= high_id), array_agg(id) FILTER (WHERE id <= high_id),
    array_agg(reason IS NULL) FILTER (WHERE id <= high_id)
  INTO stored, opened, regressed_symbols, regressed_ids, filled_symbols, filled_ids, filled_rows
  FROM taken;

  IF filled_ids IS NOT NULL THEN
    PERFORM account_for(filled_symbols, filled_ids, filled_rows);
  END IF;
END $$;

-- Takes ids out of the gaps that hold them: what is left of a gap stays as it was, and the runs that got rows are kept as filled.
CREATE OR REPLACE FUNCTION account_for(p_symbols TEXT[], p_ids BIGINT[], p_stored BOOLEAN[]) RETURNS VOID LANGUAGE sql AS $$
  WITH taken AS (
    SELECT gap.gap_id, id.id, id.stored
    FROM unnest(p_symbols, p_ids, p_stored) AS id (symbol, id, stored)
    JOIN trade_gaps AS gap
      ON gap.symbol = id.symbol AND id.id BETWEEN gap.first_id AND gap.last_id
      AND (gap.state IN ('open', 'filling') OR gap.state = 'unfillable' AND id.stored)
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
  SELECT symbol, left_over.first_id, left_over.last_id, noticed_at, cause, state, leased_until, attempts, last_error, closed_at
  FROM left_over JOIN gone USING (gap_id)
  UNION ALL
  SELECT symbol, runs.first_id, runs.last_id, noticed_at, cause, 'filled', NULL, attempts, NULL, now()
  FROM runs JOIN gone USING (gap_id) WHERE runs.stored
$$;

-- The same for one run of a gap that got rows.
CREATE OR REPLACE FUNCTION fill_run(p_gap BIGINT, p_first BIGINT, p_last BIGINT) RETURNS VOID LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM trade_gaps WHERE gap_id = p_gap RETURNING *
  )
  INSERT INTO trade_gaps (symbol, first_id, last_id, noticed_at, cause, state, leased_until, attempts, last_error, closed_at)
  SELECT symbol, first_id, p_first - 1, noticed_at, cause, state, leased_until, attempts, last_error, closed_at
  FROM gone WHERE first_id < p_first
  UNION ALL
  SELECT symbol, p_last + 1, last_id, noticed_at, cause, state, leased_until, attempts, last_error, closed_at
  FROM gone WHERE last_id > p_last
  UNION ALL
  SELECT symbol, p_first, p_last, noticed_at, cause, 'filled', NULL, attempts, NULL, now() FROM gone
$$;
