import type { LatestPrice } from "../LatestPrices.ts"

/** The hash that holds the latest price of a symbol, as `price`, `id` and `time`. */
export const keyOf = (market: string, symbol: string): string => `fulltape:${market}:latest:${symbol}`

/** The channel on which each new latest price of a symbol is published. */
export const channelOf = (market: string, symbol: string): string => `fulltape:${market}:prices:${symbol}`

/**
 * Takes five arguments a key: id, price, time, channel and message. Sets and publishes what is newer than what is there, all in one
 * step, so that no other writer comes between. A key that cannot be written harms no other; the answer is how many could not, and why.
 * Ids are safe integers, which are numbers in Lua to the last digit.
 */
const SCRIPT = `
local failed, why = 0, ''
for i, key in ipairs(KEYS) do
  local at = 5 * (i - 1)
  local known = redis.pcall('HGET', key, 'id')
  if type(known) ~= 'table' and (tonumber(known or '') or -1) < tonumber(ARGV[at + 1]) then
    known = redis.pcall('HSET', key, 'price', ARGV[at + 2], 'id', ARGV[at + 1], 'time', ARGV[at + 3])
    if type(known) ~= 'table' then known = redis.pcall('PUBLISH', ARGV[at + 4], ARGV[at + 5]) end
  end
  if type(known) == 'table' then failed, why = failed + 1, known['err'] end
end
return {failed, why}`

/** The command that writes the prices which are newer than those that Redis has. */
export const setNewer = (market: string, prices: ReadonlyArray<LatestPrice>): ReadonlyArray<string> => [
  "EVAL",
  SCRIPT,
  String(prices.length),
  ...prices.map(({ symbol }) => keyOf(market, symbol)),
  ...prices.flatMap(({ id, price, symbol, time }) => [
    String(id),
    price,
    String(time),
    channelOf(market, symbol),
    JSON.stringify({ symbol, price, id: String(id), time: String(time) }),
  ]),
]
