-- Defined anew at every start, so this file always has what the database does.

-- Computes the candles of noted minutes, the newest first, at most so many, and of every longer interval that holds them; then marks
-- what has become final. A commit is in the candles of the next refresh that begins after it. Refreshes wait for each other.
CREATE OR REPLACE FUNCTION refresh_candles(
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
    LEFT JOIN candles AS known ON known.symbol = noted.symbol AND known.interval = '1m' AND known.open_time = noted.minute
    LEFT JOIN candles AS grown
      ON grown.symbol = known.symbol AND grown.interval = known.interval AND grown.open_time = known.open_time
      AND known.last_id < noted.first_id
    -- Where retention has dropped its trades nothing can be computed again: a minute goes as a whole, its first trade too.
    WHERE grown.symbol IS NOT NULL OR known.symbol IS NULL OR EXISTS (
      SELECT FROM raw_trades
      WHERE raw_trades.symbol = known.symbol AND trade_id = known.first_id
        AND timestamp >= noted.minute AND timestamp < noted.minute + interval '1 minute')
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
CREATE OR REPLACE FUNCTION settle_candles() RETURNS VOID LANGUAGE sql AS $$
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
CREATE OR REPLACE FUNCTION klines(p_symbol TEXT, p_interval TEXT, p_from TIMESTAMPTZ, p_to TIMESTAMPTZ) RETURNS SETOF candles
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
