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
