-- Who repairs a gap: a lease, known by the moment at which it ends. Of a gap that is open, leased_until is the moment before which
-- nobody tries again. Every function here locks symbol rows before it reads their gaps, as commit_trades does: in name order, and
-- as a statement of its own. The pieces that a commit leaves of a leased gap are leased as it was.
COMMENT ON COLUMN trade_gaps.leased_until IS 'filling: when the lease ends; open: when it is tried again';
COMMENT ON COLUMN trade_gaps.attempts IS 'leases since ids of it were last accounted for';

-- Takes gaps that nobody is filling, the smallest first: open ones, and those whose owner died.
CREATE FUNCTION lease_gaps(
  p_for INTERVAL,                  -- the length of the lease
  p_age INTERVAL,                  -- younger ones may close by themselves
  p_most INTEGER
) RETURNS SETOF trade_gaps LANGUAGE plpgsql AS $$
DECLARE
  chosen BIGINT[];
  ends TIMESTAMPTZ;
BEGIN
  chosen := ARRAY(
    SELECT gap_id FROM trade_gaps
    WHERE state IN ('open', 'filling') AND coalesce(leased_until <= clock_timestamp(), TRUE)
      AND noticed_at <= clock_timestamp() - p_age
    ORDER BY last_id - first_id, gap_id LIMIT p_most);
  PERFORM FROM symbols WHERE symbol IN (SELECT symbol FROM trade_gaps WHERE gap_id = ANY (chosen)) ORDER BY symbol FOR UPDATE;
  ends := clock_timestamp() + p_for;
  -- What was split or leased while we waited for the lock is left to the next call.
  RETURN QUERY
    UPDATE trade_gaps SET state = 'filling', leased_until = ends, attempts = attempts + 1
    WHERE gap_id = ANY (chosen) AND state IN ('open', 'filling') AND coalesce(leased_until <= clock_timestamp(), TRUE)
    RETURNING *;
END $$;

-- Prolongs leases, and tells which of them, by position, are still held and have ids left.
CREATE FUNCTION renew_gaps(
  p_for INTERVAL,
  p_symbols TEXT[], p_firsts BIGINT[], p_lasts BIGINT[], p_until TIMESTAMPTZ[],
  OUT ends TIMESTAMPTZ,
  OUT held BIGINT[]
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM symbols WHERE symbol = ANY (p_symbols) ORDER BY symbol FOR UPDATE;
  ends := clock_timestamp() + p_for;
  WITH renewed AS (
    UPDATE trade_gaps AS gap SET leased_until = ends
    FROM unnest(p_symbols, p_firsts, p_lasts, p_until) WITH ORDINALITY AS lease (symbol, first_id, last_id, until, position)
    WHERE gap.symbol = lease.symbol AND gap.state = 'filling' AND gap.leased_until = lease.until
      AND gap.first_id BETWEEN lease.first_id AND lease.last_id
    RETURNING lease.position
  )
  SELECT array_agg(DISTINCT position) INTO held FROM renewed;
END $$;

-- Ends a lease; what is left of the gap is open again, and tried again after the wait.
CREATE FUNCTION release_gap(
  p_symbol TEXT, p_first BIGINT, p_last BIGINT, p_until TIMESTAMPTZ,
  p_error TEXT,                    -- NULL leaves the last one
  p_wait INTERVAL,
  p_progressed BOOLEAN,            -- whether this lease accounted for any id
  OUT missing BIGINT               -- ids of the run that are still open or filling, whoever holds them
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM symbols WHERE symbol = p_symbol FOR UPDATE;
  UPDATE trade_gaps SET state = 'open', leased_until = clock_timestamp() + p_wait, last_error = coalesce(p_error, last_error),
    attempts = CASE WHEN p_progressed THEN 0 ELSE attempts END
  WHERE symbol = p_symbol AND state = 'filling' AND leased_until = p_until AND first_id BETWEEN p_first AND p_last;
  SELECT coalesce(sum(last_id - first_id + 1), 0) INTO missing FROM trade_gaps
  WHERE symbol = p_symbol AND state IN ('open', 'filling') AND first_id BETWEEN p_first AND p_last;
END $$;

-- Records that ids can never be had. Those that are stored, or of no gap, stay as they are; a gap that reaches beyond them is split.
CREATE FUNCTION give_up(
  p_symbol TEXT, p_first BIGINT, p_last BIGINT, p_reason TEXT,
  OUT given_up BIGINT              -- ids
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM symbols WHERE symbol = p_symbol FOR UPDATE;
  WITH gone AS (
    DELETE FROM trade_gaps
    WHERE symbol = p_symbol AND state IN ('open', 'filling') AND first_id <= p_last AND last_id >= p_first
    RETURNING *
  ), pieces AS (
    INSERT INTO trade_gaps (symbol, first_id, last_id, noticed_at, cause, state, leased_until, attempts, last_error, closed_at)
    SELECT symbol, first_id, p_first - 1, noticed_at, cause, state, leased_until, attempts, last_error, NULL::timestamptz
    FROM gone WHERE first_id < p_first
    UNION ALL
    SELECT symbol, p_last + 1, last_id, noticed_at, cause, state, leased_until, attempts, last_error, NULL
    FROM gone WHERE last_id > p_last
    UNION ALL
    SELECT symbol, greatest(first_id, p_first), least(last_id, p_last), noticed_at, cause, 'unfillable', NULL, attempts, p_reason, now()
    FROM gone
  )
  SELECT coalesce(sum(least(last_id, p_last) - greatest(first_id, p_first) + 1), 0) INTO given_up FROM gone;
END $$;
