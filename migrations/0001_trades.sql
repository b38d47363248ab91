-- Every trade, once. Its identity is (symbol, trade_id): ids are consecutive per symbol, and many trades share an instant.
CREATE TABLE raw_trades (
  timestamp        TIMESTAMPTZ    NOT NULL,  -- when the exchange matched it, to the microsecond
  symbol           TEXT           NOT NULL,
  price            NUMERIC(20, 8) NOT NULL,  -- in the quote asset
  quantity         NUMERIC(20, 8) NOT NULL,  -- in the base asset
  side             TEXT           NOT NULL CHECK (side IN ('BUY', 'SELL')),  -- of the aggressor
  trade_id         BIGINT         NOT NULL CHECK (trade_id >= 0),
  buyer_order_id   BIGINT,                   -- left the public stream in June 2024
  seller_order_id  BIGINT,
  PRIMARY KEY (symbol, trade_id)
);

-- For charts and windows: the newest trades of a symbol, and those of a time range.
CREATE INDEX raw_trades_symbol_timestamp ON raw_trades (symbol, timestamp DESC);

-- Trades that raw_trades cannot hold, as they came, and why. Bounded: the oldest rows leave first.
CREATE TABLE quarantined_trades (
  symbol           TEXT        NOT NULL,
  trade_id         BIGINT      NOT NULL,
  price            TEXT        NOT NULL,
  quantity         TEXT        NOT NULL,
  side             TEXT        NOT NULL,
  time_us          BIGINT      NOT NULL,     -- microseconds since the epoch
  reason           TEXT        NOT NULL,
  quarantined_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (symbol, trade_id)
);

CREATE INDEX quarantined_trades_age ON quarantined_trades (quarantined_at);

-- The one market whose trades this database holds: ids of two markets must never meet under one symbol.
CREATE TABLE stored_market (
  market           TEXT        NOT NULL,
  since            TIMESTAMPTZ NOT NULL DEFAULT now(),
  only_row         BOOLEAN     PRIMARY KEY DEFAULT TRUE CHECK (only_row)
);
