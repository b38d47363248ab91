import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import type { LatestPrice } from "../../../src/store/LatestPrices.ts"
import { Redis } from "../../../src/store/redis/Redis.ts"
import { channelOf, keyOf } from "../../../src/store/redis/setNewer.ts"
import { redisProgram, startRedis } from "../../fixtures/redisServer.ts"
import { eventually } from "../../fixtures/service/eventually.ts"

const connect = (url: string) =>
  Effect.flatMap(Redis, ({ connect }) => connect).pipe(
    Effect.provide(Redis.layer({ url: Redacted.make(url), market: "test" })),
  )

const priceOf = (id: number, symbol = "BTCUSDT"): LatestPrice => ({
  symbol,
  id,
  price: `${id}.50000000`,
  time: 1_791_019_853_440_000 + id,
})

const fieldsOf = ({ id, price, time }: LatestPrice) => ({ price, id: String(id), time: String(time) })

describe.skipIf(redisProgram === "")("Redis", () => {
  it.live("sets and publishes what is newer, to the last digit, and nothing else", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis()
      const heard = yield* redis.messages("fulltape:test:prices:*")
      const { write } = yield* connect(redis.url)
      const top = 2 ** 53 - 1
      const written = [
        priceOf(9),
        priceOf(10),
        priceOf(9),
        priceOf(10),
        priceOf(top - 1),
        priceOf(top),
        priceOf(top - 1),
      ]
      for (const price of written) yield* write([price])
      yield* write([priceOf(3, "币安人生USDT")])
      assert.deepStrictEqual(yield* redis.hash(keyOf("test", "BTCUSDT")), fieldsOf(priceOf(top)))
      assert.deepStrictEqual(
        yield* redis.hash("fulltape:test:latest:币安人生USDT"),
        fieldsOf(priceOf(3, "币安人生USDT")),
      )
      yield* eventually(
        "all messages",
        Effect.sync(() => heard.length),
        (length) => length === 5,
      )
      assert.deepStrictEqual(
        heard,
        [priceOf(9), priceOf(10), priceOf(top - 1), priceOf(top), priceOf(3, "币安人生USDT")].map((price) => ({
          symbol: price.symbol,
          ...fieldsOf(price),
        })),
      )
    }).pipe(Effect.scoped),
  )

  it.live("never goes back, whatever two writers do at once", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis()
      const heard = yield* redis.messages(channelOf("test", "BTCUSDT"))
      const writers = yield* Effect.all([connect(redis.url), connect(redis.url)])
      const ids = Array.from({ length: 500 }, (_, index) => ((index * 7_919) % 500) + 1)
      yield* Effect.forEach(ids, (id, index) => writers[index % 2]?.write([priceOf(id)]) ?? Effect.void, {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(yield* redis.hash(keyOf("test", "BTCUSDT")), fieldsOf(priceOf(500)))
      yield* eventually(
        "the last message",
        Effect.sync(() => heard.at(-1)?.["id"]),
        (id) => id === "500",
      )
      const published = heard.map(({ id }) => Number(id))
      assert.deepStrictEqual(
        published,
        published.toSorted((a, b) => a - b),
      )
      assert.lengthOf(published, new Set(published).size)
    }).pipe(Effect.scoped),
  )

  it.live("needs no more rights than the documentation says", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis()
      const document = readFileSync(new URL("../../../docs/redis.md", import.meta.url), "utf8")
      const rights = /needs\s+`(~fulltape:[^`]+)`/.exec(document)?.[1] ?? ""
      yield* redis.command(["ACL", "SETUSER", "writer", "reset", "on", ">secret", ...rights.split(" ")])
      const { ping, write } = yield* connect(redis.url.replace(`:${redis.password}@`, "writer:secret@"))
      yield* write([priceOf(1)])
      yield* ping
      assert.deepStrictEqual(yield* redis.hash(keyOf("test", "BTCUSDT")), fieldsOf(priceOf(1)))
    }).pipe(Effect.scoped),
  )

  it.live("writes a thousand symbols at once, but for one whose key is something else, and tells it", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis()
      yield* redis.command(["SET", keyOf("test", "S7"), "mine"])
      const { write } = yield* connect(redis.url)
      const symbols = Array.from({ length: 1_000 }, (_, index) => `S${index}`)
      assert.strictEqual(yield* write(symbols.map((symbol) => priceOf(1, symbol))), 1)
      assert.strictEqual(yield* redis.command<number>(["DBSIZE"]), 1_000)
      assert.strictEqual(yield* redis.command(["GET", keyOf("test", "S7")]), "mine")
    }).pipe(Effect.scoped),
  )

  it.live("fails where Redis has no room", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis("--maxmemory", "1")
      const { write } = yield* connect(redis.url)
      assert.match((yield* Effect.flip(write([priceOf(1)]))).message, /1 of 1 prices were not taken, OOM/)
    }).pipe(Effect.scoped),
  )

  it.live("says what is wrong without the password: refused, absent, silent, gone", () =>
    Effect.gen(function* () {
      const redis = yield* startRedis()
      const wrong = yield* Effect.flip(connect(redis.url.replace(redis.password, "not-the-password")))
      assert.match(wrong.message, /^Redis at 127\.0\.0\.1:\d+\/3 refused the user or password of REDIS_URL: WRONGPASS/)
      assert.notInclude(wrong.message, "not-the-password")
      const none = yield* Effect.flip(connect(redis.url.replace(`:${redis.password}@`, "")))
      assert.match(none.message, /refused the user or password of REDIS_URL: NOAUTH/)

      const { lost, write } = yield* connect(redis.url)
      yield* redis.pause
      const [silent, mute] = yield* Effect.all([Effect.flip(connect(redis.url)), Effect.flip(write([priceOf(1)]))], {
        concurrency: 2,
      })
      for (const { message } of [silent, mute]) assert.match(message, /cannot be used: no answer within 2s\.$/)
      yield* redis.kill
      assert.match((yield* Effect.flip(lost)).message, /cannot be used: /)
      assert.match((yield* Effect.flip(connect(redis.url))).message, /cannot be used: connect ECONNREFUSED/)
    }).pipe(Effect.scoped),
  )
})
