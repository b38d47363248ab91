-- Candles cannot drift from the trades: the transaction that stores trades notes which minutes it touched, and the one that removes
-- a note computes that minute again, and every longer candle that holds it.

-- The lengths of candles. None is cut by a time zone: a day is 24 hours of UTC.
CREATE TABLE candle_intervals (
  interval         TEXT        PRIMARY KEY,
  width            INTERVAL    NOT NULL UNIQUE,
  source           TEXT        REFERENCES candle_intervals  -- whose candles it is made of; NULL: of trades
);
INSERT INTO candle_intervals (interval, width, source) VALUES
  ('1m', '1 minute', NULL), ('5m', '5 minutes', '1m'), ('15m', '15 minutes', '5m'),
  ('1h', '1 hour', '15m'), ('4h', '4 hours', '1h'), ('1d', '24 hours', '4h');

-- One row for each interval in which a symbol has a stored trade; klines() tells of the others. Its trades may be gone by
-- retention, the candle stays.
CREATE TABLE candles (
  symbol                  TEXT        NOT NULL,
  interval                TEXT        NOT NULL REFERENCES candle_intervals,
  open_time               TIMESTAMPTZ NOT NULL,
  open                    NUMERIC     NOT NULL,  -- of the lowest id
  high                    NUMERIC     NOT NULL,
  low                     NUMERIC     NOT NULL,
  close                   NUMERIC     NOT NULL,  -- of the highest id
  volume                  NUMERIC     NOT NULL,  -- in the base asset
  quote_volume            NUMERIC     NOT NULL,  -- price * quantity, of each trade cut to 8 decimals
  trades                  BIGINT      NOT NULL,
  taker_buy_volume        NUMERIC     NOT NULL,
  taker_buy_quote_volume  NUMERIC     NOT NULL,
  first_id                BIGINT      NOT NULL,
  last_id                 BIGINT      NOT NULL,
  is_final                BOOLEAN     NOT NULL DEFAULT FALSE,  -- a later trade is stored, and no id that may belong here is still to be had
  is_partial              BOOLEAN     NOT NULL DEFAULT FALSE,  -- the first of its symbol, which did not begin with its trade 0
  revised_at              TIMESTAMPTZ,                         -- when its numbers last changed although it was final
  PRIMARY KEY (symbol, interval, open_time)
) WITH (fillfactor = 90);

-- Those whose marks may still change: a few of each symbol.
CREATE INDEX candles_unsettled ON candles (symbol, interval, open_time) WHERE NOT is_final OR is_partial;

-- Minutes whose trades changed since their candle was computed. Any number of notes of one minute may be here: a writer never waits
-- for a refresh.
CREATE TABLE candle_changes (
  symbol           TEXT        NOT NULL,
  minute           TIMESTAMPTZ NOT NULL,
  first_id         BIGINT      NOT NULL,     -- no trade of the minute that was stored has a lower id,
  first_time       TIMESTAMPTZ NOT NULL      -- and none is earlier
) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX candle_changes_minute ON candle_changes (symbol, minute);

-- A database that has trades already gets their candles with the first refreshes, the newest first.
INSERT INTO candle_changes (symbol, minute, first_id, first_time)
SELECT symbol, minute, 0, minute
FROM symbols,
  LATERAL (SELECT timestamp FROM raw_trades WHERE raw_trades.symbol = symbols.symbol ORDER BY timestamp LIMIT 1) AS oldest,
  LATERAL (SELECT timestamp FROM raw_trades WHERE raw_trades.symbol = symbols.symbol ORDER BY timestamp DESC LIMIT 1) AS newest,
  generate_series(date_bin('1 minute', oldest.timestamp, 'epoch'), newest.timestamp, '1 minute') AS minute;

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

-- Computes the candles of noted minutes, the newest first, at most so many, and of every longer interval that holds them; then marks
-- what has become final. A commit is in the candles of the next refresh that begins after it. Refreshes wait for each other.
CREATE FUNCTION refresh_candles(
  p_most INTEGER,
  OUT refreshed BIGINT             -- minutes; fewer than p_most: none is left of those that were noted before
) LANGUAGE plpgsql AS $$
DECLARE
  level candle_intervals;
  touched_symbols TEXT[];
  touched_times TIMESTAMPTZ[];
BEGIN
  PERFORM pg_advisory_xact_lock('candle_changes'::regclass::oid::bigint);

  -- One statement, because the notes that it removes and the trades that it reads have to be of one moment. A minute whose new trades
  -- all lie behind its candle grows by those; any other is computed from all of its trades.
  WITH chosen AS MATERIALIZED (
    SELECT symbol, minute FROM candle_changes GROUP BY symbol, minute ORDER BY minute DESC LIMIT p_most
  ), removed AS (
    DELETE FROM candle_changes AS note USING chosen
    WHERE note.symbol = chosen.symbol AND note.minute = chosen.minute
    RETURNING note.symbol, note.minute, note.first_id, note.first_time
  ), noted AS (
    SELECT symbol, minute, min(first_id) AS first_id, min(first_time) AS first_time FROM removed GROUP BY symbol, minute
  ), changed AS MATERIALIZED (
    SELECT noted.symbol, noted.minute, grown.open, grown.high, grown.low, grown.volume, grown.quote_volume, grown.trades,
      grown.taker_buy_volume, grown.taker_buy_quote_volume, grown.first_id, coalesce(grown.last_id, -1) AS last_id,
      CASE WHEN grown.symbol IS NULL THEN noted.minute ELSE noted.first_time END AS since
    FROM noted
    JOIN symbols ON symbols.symbol = noted.symbol
    LEFT JOIN candles AS known ON known.symbol = noted.symbol AND known.interval = '1m' AND known.open_time = noted.minute
    LEFT JOIN candles AS grown
      ON grown.symbol = known.symbol AND grown.interval = known.interval AND grown.open_time = known.open_time
      AND known.last_id < noted.first_id
    -- Of what retention removed trades nothing can be computed again.
    WHERE grown.symbol IS NOT NULL OR coalesce(known.first_id >= symbols.kept_from_id, TRUE)
  ), written AS (
    INSERT INTO candles AS candle (symbol, interval, open_time, open, high, low, close, volume, quote_volume, trades,
      taker_buy_volume, taker_buy_quote_volume, first_id, last_id)
    SELECT changed.symbol, '1m', changed.minute,
      coalesce(changed.open, first.price), greatest(changed.high, more.high), least(changed.low, more.low), last.price,
      coalesce(changed.volume, 0) + more.volume, coalesce(changed.quote_volume, 0) + more.quote_volume,
      coalesce(changed.trades, 0) + more.trades,
      coalesce(changed.taker_buy_volume, 0) + more.taker_buy_volume,
      coalesce(changed.taker_buy_quote_volume, 0) + more.taker_buy_quote_volume,
      coalesce(changed.first_id, more.first_id), more.last_id
    FROM changed
    CROSS JOIN LATERAL (
      SELECT max(price) AS high, min(price) AS low, sum(quantity) AS volume, sum(trunc(price * quantity, 8)) AS quote_volume,
        count(*) AS trades,
        coalesce(sum(quantity) FILTER (WHERE side = 'BUY'), 0.00000000) AS taker_buy_volume,
        coalesce(sum(trunc(price * quantity, 8)) FILTER (WHERE side = 'BUY'), 0.00000000) AS taker_buy_quote_volume,
        min(trade_id) AS first_id, max(trade_id) AS last_id
      FROM raw_trades
      WHERE symbol = changed.symbol AND timestamp >= changed.since AND timestamp < changed.minute + interval '1 minute'
        AND trade_id > changed.last_id
    ) AS more
    LEFT JOIN LATERAL (
      SELECT price FROM raw_trades
      WHERE symbol = changed.symbol AND trade_id = more.first_id AND changed.open IS NULL
        AND timestamp >= changed.since AND timestamp < changed.minute + interval '1 minute'
      LIMIT 1
    ) AS first ON TRUE
    CROSS JOIN LATERAL (
      SELECT price FROM raw_trades
      WHERE symbol = changed.symbol AND trade_id = more.last_id
        AND timestamp >= changed.since AND timestamp < changed.minute + interval '1 minute'
      LIMIT 1
    ) AS last
    ON CONFLICT (symbol, interval, open_time) DO UPDATE SET
      open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
      volume = excluded.volume, quote_volume = excluded.quote_volume, trades = excluded.trades,
      taker_buy_volume = excluded.taker_buy_volume, taker_buy_quote_volume = excluded.taker_buy_quote_volume,
      first_id = excluded.first_id, last_id = excluded.last_id,
      is_final = FALSE, revised_at = CASE WHEN candle.is_final THEN now() ELSE candle.revised_at END
    WHERE (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quote_volume, candle.trades,
        candle.taker_buy_volume, candle.taker_buy_quote_volume, candle.first_id, candle.last_id)
      <> (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.quote_volume, excluded.trades,
        excluded.taker_buy_volume, excluded.taker_buy_quote_volume, excluded.first_id, excluded.last_id)
    RETURNING symbol, open_time
  )
  SELECT (SELECT count(*) FROM chosen), array_agg(symbol), array_agg(open_time)
  INTO refreshed, touched_symbols, touched_times
  FROM written;

  FOR level IN SELECT * FROM candle_intervals WHERE source IS NOT NULL ORDER BY width LOOP
    EXIT WHEN touched_symbols IS NULL;
    WITH touched AS (
      SELECT DISTINCT symbol, date_bin(level.width, open_time, 'epoch') AS open_time
      FROM unnest(touched_symbols, touched_times) AS lower (symbol, open_time)
    ), written AS (
      INSERT INTO candles AS candle (symbol, interval, open_time, open, high, low, close, volume, quote_volume, trades,
        taker_buy_volume, taker_buy_quote_volume, first_id, last_id)
      SELECT touched.symbol, level.interval, touched.open_time, parts.*
      FROM touched
      CROSS JOIN LATERAL (
        SELECT (array_agg(open ORDER BY first_id))[1], max(high), min(low), (array_agg(close ORDER BY last_id DESC))[1],
          sum(volume), sum(quote_volume), sum(trades), sum(taker_buy_volume), sum(taker_buy_quote_volume), min(first_id), max(last_id)
        FROM candles AS part
        WHERE part.symbol = touched.symbol AND part.interval = level.source
          AND part.open_time >= touched.open_time AND part.open_time < touched.open_time + level.width
      ) AS parts
      ON CONFLICT (symbol, interval, open_time) DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, quote_volume = excluded.quote_volume, trades = excluded.trades,
        taker_buy_volume = excluded.taker_buy_volume, taker_buy_quote_volume = excluded.taker_buy_quote_volume,
        first_id = excluded.first_id, last_id = excluded.last_id,
        is_final = FALSE, revised_at = CASE WHEN candle.is_final THEN now() ELSE candle.revised_at END
      RETURNING symbol, open_time
    )
    SELECT array_agg(symbol), array_agg(open_time) INTO touched_symbols, touched_times FROM written;
  END LOOP;

  PERFORM settle_candles();
END $$;

-- Marks candles as final whose trades are all there. Every id between the last one before the interval and the first one after it may
-- belong to it; both are stored, so a gap between them lies there whole. Where times go back over an edge, the ids of both sides
-- overlap, and each gap among them counts. Minutes that are noted are not in the candles yet.
CREATE FUNCTION settle_candles() RETURNS VOID LANGUAGE sql AS $$
  UPDATE candles SET is_final = settled.is_final, is_partial = settled.is_partial
  FROM (
    SELECT candle.symbol, candle.interval, candle.open_time,
      before.last_id IS NULL AND candle.first_id > 0 AS is_partial,
      candle.is_final OR after.first_id IS NOT NULL
        AND NOT EXISTS (
          SELECT FROM trade_gaps AS gap
          WHERE gap.symbol = candle.symbol AND gap.state IN ('open', 'filling')
            AND gap.first_id > CASE WHEN before.last_id >= candle.first_id THEN least(before.first_id, candle.first_id)
              ELSE coalesce(before.last_id, -1) END
            AND gap.first_id < CASE WHEN after.first_id <= candle.last_id THEN greatest(after.last_id, candle.last_id)
              ELSE after.first_id END)
        AND NOT EXISTS (
          SELECT FROM candle_changes AS note
          WHERE note.symbol = candle.symbol AND note.minute >= candle.open_time AND note.minute < candle.open_time + width) AS is_final
    FROM candles AS candle
    JOIN candle_intervals USING (interval)
    LEFT JOIN LATERAL (
      SELECT first_id, last_id FROM candles AS minute
      WHERE minute.symbol = candle.symbol AND minute.interval = '1m' AND minute.open_time < candle.open_time
      ORDER BY open_time DESC LIMIT 1
    ) AS before ON TRUE
    LEFT JOIN LATERAL (
      SELECT first_id, last_id FROM candles AS minute
      WHERE minute.symbol = candle.symbol AND minute.interval = '1m' AND minute.open_time >= candle.open_time + width
      ORDER BY open_time LIMIT 1
    ) AS after ON TRUE
    WHERE NOT candle.is_final OR candle.is_partial
  ) AS settled
  WHERE candles.symbol = settled.symbol AND candles.interval = settled.interval AND candles.open_time = settled.open_time
    AND (candles.is_final, candles.is_partial) <> (settled.is_final, settled.is_partial)
$$;

-- The candles of a symbol as the exchange has them, from one opening time to another, both included: an interval without trades is
-- flat at the close before, with no volume and the ids -1. They begin with the first candle and end with the newest, since what comes
-- after the newest trade is not known to be empty. An empty interval is final when no id between its neighbours is still to be had.
CREATE FUNCTION klines(p_symbol TEXT, p_interval TEXT, p_from TIMESTAMPTZ, p_to TIMESTAMPTZ) RETURNS SETOF candles
LANGUAGE sql STABLE AS $$
  SELECT p_symbol, p_interval, slot.open_time,
    coalesce(candle.open, before.close), coalesce(candle.high, before.close), coalesce(candle.low, before.close),
    coalesce(candle.close, before.close), coalesce(candle.volume, 0.00000000), coalesce(candle.quote_volume, 0.00000000),
    coalesce(candle.trades, 0), coalesce(candle.taker_buy_volume, 0.00000000), coalesce(candle.taker_buy_quote_volume, 0.00000000),
    coalesce(candle.first_id, -1), coalesce(candle.last_id, -1),
    coalesce(candle.is_final,
      NOT EXISTS (
        SELECT FROM trade_gaps AS gap
        WHERE gap.symbol = p_symbol AND gap.state IN ('open', 'filling')
          AND gap.first_id > CASE WHEN before.last_id < after.first_id THEN before.last_id ELSE least(before.first_id, after.first_id) END
          AND gap.first_id < CASE WHEN before.last_id < after.first_id THEN after.first_id ELSE greatest(before.last_id, after.last_id) END)
      AND NOT EXISTS (
        SELECT FROM candle_changes AS note
        WHERE note.symbol = p_symbol AND note.minute >= slot.open_time AND note.minute < slot.open_time + width)),
    coalesce(candle.is_partial, FALSE), candle.revised_at
  FROM candle_intervals
  CROSS JOIN LATERAL (
    SELECT open_time FROM candles WHERE symbol = p_symbol AND candles.interval = p_interval ORDER BY open_time LIMIT 1
  ) AS oldest
  CROSS JOIN LATERAL (
    SELECT open_time FROM candles WHERE symbol = p_symbol AND candles.interval = p_interval ORDER BY open_time DESC LIMIT 1
  ) AS newest
  CROSS JOIN LATERAL generate_series(
    greatest(oldest.open_time, date_bin(width, p_from + width - interval '1 microsecond', 'epoch')),
    least(newest.open_time, p_to),
    width) AS slot (open_time)
  LEFT JOIN candles AS candle
    ON candle.symbol = p_symbol AND candle.interval = p_interval AND candle.open_time = slot.open_time
  LEFT JOIN LATERAL (
    SELECT close, first_id, last_id FROM candles AS other
    WHERE candle.symbol IS NULL AND other.symbol = p_symbol AND other.interval = p_interval AND other.open_time < slot.open_time
    ORDER BY other.open_time DESC LIMIT 1
  ) AS before ON TRUE
  LEFT JOIN LATERAL (
    SELECT first_id, last_id FROM candles AS other
    WHERE candle.symbol IS NULL AND other.symbol = p_symbol AND other.interval = p_interval AND other.open_time > slot.open_time
    ORDER BY other.open_time LIMIT 1
  ) AS after ON TRUE
  WHERE candle_intervals.interval = p_interval
  ORDER BY slot.open_time
$$;
