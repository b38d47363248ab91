import { readFileSync } from "node:fs"
import { cpus, loadavg, release, totalmem, type as systemName } from "node:os"

const versionOf = (path: string): string => {
  const manifest: { readonly version: string } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"))
  return manifest.version
}

/** The machine that a run happens on. */
export const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGibibytes: Math.round(totalmem() / 1024 ** 3),
  system: `${systemName()} ${release()}`,
  load: loadavg()[0] ?? 0,
})

/** What is compared, and what it runs on. */
export const versions = (postgresql: string): Readonly<Record<string, string>> => ({
  fulltape: versionOf("../../package.json"),
  effect: versionOf("../../node_modules/effect/package.json"),
  node: process.versions.node,
  postgresql,
  ...Object.fromEntries(
    ["ws", "pg", "binance", "ccxt"].map((name) => [name, versionOf(`../node_modules/${name}/package.json`)]),
  ),
})
