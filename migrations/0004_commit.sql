-- Which database this is, for what is kept beside it on disk: trades that wait there must not be written to another one. A copy of
-- the database is the same one; an empty one is not.
CREATE TABLE database_identity (
  database_id      UUID        NOT NULL DEFAULT gen_random_uuid(),
  only_row         BOOLEAN     PRIMARY KEY DEFAULT TRUE CHECK (only_row)
);
INSERT INTO database_identity DEFAULT VALUES;

DROP FUNCTION commit_trades(TEXT, TEXT, TEXT[], BIGINT[], BIGINT[], TEXT[], TEXT[], TEXT[], BIGINT[], BIGINT[], TEXT[]);
