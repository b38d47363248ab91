import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type ContenderName, contenderNames } from "../harness/Contender.ts"

const product = (path: string): string => new URL(`../../dist/${path}`, import.meta.url).href

const modules: Readonly<Record<ContenderName, ReadonlyArray<string>>> = {
  floor: ["ws", "pg"],
  fulltape: ["memory.js", "cli/serve.js", "cli/ingest.js", "cli/verify.js", "cli/simulate.js", "cli/demo.js"].map(
    product,
  ),
  binance: ["binance", "pg"],
  ccxt: ["ccxt", "pg"],
}

const imports = fileURLToPath(new URL("../dist/imports.js", import.meta.url))

/** MiB of a process with the modules of each contender, and with none, before it does anything. */
export const importedMebibytes = Effect.sync(() => {
  const held = (specifiers: ReadonlyArray<string>): number =>
    Number(execFileSync(process.execPath, ["--expose-gc", imports, ...specifiers], { encoding: "utf8" }))
  const bare = held([])
  return contenderNames.map((name) => ({ name, bare, imported: held(modules[name]) }))
})
