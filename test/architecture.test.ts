import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix, sep } from "node:path"
import { fileURLToPath } from "node:url"

const layers = ["market", "telemetry", "feed", "store", "ingest", "api", "simulator"]

/** What each part of a source tree may import besides itself. Nothing imports `main.ts`. */
const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  market: [],
  telemetry: ["market"],
  feed: ["market", "telemetry"],
  store: ["market", "feed", "telemetry"],
  ingest: ["market", "feed", "store", "telemetry"],
  api: ["market", "feed", "store", "ingest", "telemetry"],
  simulator: ["market", "telemetry"],
  settings: ["market"],
  "Settings.ts": ["market", "settings"],
  "version.ts": [],
  "memory.ts": [],
  "Fulltape.ts": [...layers, "settings", "Settings.ts", "version.ts"],
  cli: [...layers, "settings", "Settings.ts", "version.ts", "Fulltape.ts"],
  "main.ts": [...layers, "settings", "Settings.ts", "version.ts", "memory.ts", "Fulltape.ts", "cli"],
}

/** Where the exchange's own words are spoken: the seam that checks symbols asks it too, nobody else. */
const speaksBinance = /^(feed\/binance\/|ingest\/symbolCheck\.ts$|Fulltape\.ts$)/

/** undici, which these load, does not run on Node 20. */
const unloadable = /^(@effect\/platform-node(\/(index|NodeHttpClient|Undici))?|undici)$/

const bannedWords = new Set(["utils", "util", "helpers", "helper", "common", "misc", "manager", "types", "index"])

const LONGEST = 250

/** Every way in which the tree breaks a rule, as `file: sentence`, sorted. */
const violations = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8")
      return [...shape(file, text), ...imports(text).flatMap((wanted) => arrow(file, wanted))].map(
        (sentence) => `${file}: ${sentence}`,
      )
    })
    .sort()

const shape = (file: string, text: string): ReadonlyArray<string> => {
  const lines = text.trimEnd().split("\n").length
  const words = file
    .replace(/\.ts$/, "")
    .split("/")
    .flatMap((name) => name.split(/(?=[A-Z])|[-_.]/))
  const banned = words.find((word) => bannedWords.has(word.toLowerCase()))
  return [
    ...(allowed[partOf(file)] === undefined ? ["belongs to no part of the architecture"] : []),
    ...(lines > LONGEST ? [`has ${lines} lines, more than ${LONGEST}`] : []),
    ...(banned === undefined ? [] : [`is named "${banned}", which says nothing`]),
  ]
}

const arrow = (file: string, wanted: string): ReadonlyArray<string> => {
  if (!wanted.startsWith(".")) {
    if (wanted === COMPUTED) return ["imports a path that is only known when it runs"]
    if (unloadable.test(wanted)) return [`imports ${wanted}, which does not load on Node 20`]
    return wanted === "ws" && !/^(feed\/binance|simulator)\//.test(file) ? ["imports ws outside of feed/binance"] : []
  }
  const target = posix.join(posix.dirname(file), wanted)
  if (target.startsWith("..")) return [`imports ${wanted}, which is outside of the tree`]
  const [from, to] = [partOf(file), partOf(target)]
  if (from !== to && allowed[from]?.includes(to) === false) return [`${from} imports ${to} (${target})`]
  return target.startsWith("feed/binance/") && !speaksBinance.test(file)
    ? [`imports ${target}, the exchange's own words`]
    : []
}

/** The folder of a file, or the file itself at the top. */
const partOf = (file: string): string => file.split("/", 1)[0] ?? file

const COMPUTED = "(computed)"

/** What a module imports, in every spelling: static, for effect, re-exported, types only, dynamic, `require`. */
const imports = (text: string): ReadonlyArray<string> => {
  const code = withoutCommentsAndTexts(text)
  const found = code.matchAll(
    /(?<![.\w])(?:(?<call>(?:import|require)\s*\(\s*)|(?:from|import)\s*)(?:(?<quote>["'`])(?<path>[^"'`]*)\k<quote>)?/g,
  )
  return [...found].flatMap(({ groups: { call, path } = {} }) => {
    if (path === undefined) return call === undefined ? [] : [COMPUTED]
    return path.includes("${") ? [COMPUTED] : [path]
  })
}

/** Comments leave; a text stays only where it is what a module imports. */
const withoutCommentsAndTexts = (text: string): string =>
  text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|((?<![.\w])(?:from|import|require)\s*\(?\s*)?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)/g,
    (all, before: string | undefined) => (all.startsWith("/") ? " " : before === undefined ? '""' : all),
  )

const folder = (path: string): string => join(dirname(fileURLToPath(import.meta.url)), path)

describe("architecture", () => {
  it("imports only point left in market ← feed ← store ← ingest ← api, or at telemetry", () => {
    assert.deepStrictEqual(violations(folder("../src")), [])
  })

  it("has as many parts as the rules name", () => {
    assert.sameMembers(readdirSync(folder("../src")), Object.keys(allowed))
  })

  it("finds nothing in a tree that keeps the rules", () => {
    assert.deepStrictEqual(violations(folder("fixtures/architecture/right")), [])
  })

  it("finds every kind of violation", () => {
    assert.deepStrictEqual(violations(folder("fixtures/architecture/wrong")), [
      "Fulltape.ts: Fulltape.ts imports cli (cli/serve.ts)",
      "Loose.ts: belongs to no part of the architecture",
      "Settings.ts: Settings.ts imports store (store/TradeStore.ts)",
      "api/Http.ts: api imports cli (cli/serve.ts)",
      "api/barrel.ts: imports @effect/platform-node, which does not load on Node 20",
      "api/barrel.ts: imports @effect/platform-node/NodeHttpClient, which does not load on Node 20",
      "api/barrel.ts: imports undici, which does not load on Node 20",
      'api/index.ts: is named "index", which says nothing',
      "api/long.ts: has 251 lines, more than 250",
      "api/old.ts: api imports simulator (simulator/Simulator.ts)",
      "api/typeOnly.ts: api imports main.ts (main.ts)",
      "cli/serve.ts: cli imports main.ts (main.ts)",
      "extra/Thing.ts: belongs to no part of the architecture",
      "feed/TradeFeed.ts: imports feed/binance/BinanceFeed.ts, the exchange's own words",
      "feed/backwards.ts: feed imports ingest (ingest/Ingest.ts)",
      "feed/binance/BinanceFeed.ts: feed imports api (api/Http.ts)",
      'feed/types.ts: is named "types", which says nothing',
      "ingest/Ingest.ts: ingest imports Settings.ts (Settings.ts)",
      "ingest/layers.ts: ingest imports Fulltape.ts (Fulltape.ts)",
      "market/Trade.ts: market imports telemetry (telemetry/Metrics.ts)",
      "market/outside.ts: imports ../../../../fixtures/trades.ts, which is outside of the tree",
      'market/tradeUtils.ts: is named "Utils", which says nothing',
      "settings/variables.ts: settings imports api (api/Http.ts)",
      "simulator/Simulator.ts: simulator imports feed (feed/TradeFeed.ts)",
      "store/TradeStore.ts: store imports ingest (ingest/Ingest.ts)",
      'store/common/Rows.ts: is named "common", which says nothing',
      "store/exchange.ts: imports feed/binance/BinanceFeed.ts, the exchange's own words",
      "store/pick.ts: imports a path that is only known when it runs",
      "store/socket.ts: imports ws outside of feed/binance",
      "telemetry/Metrics.ts: telemetry imports store (store/TradeStore.ts)",
    ])
  })
})
