import { assert, describe, it } from "@effect/vitest"
import { variables } from "../../src/settings/variables.ts"
import { read } from "./files.ts"

describe("SECURITY.md", () => {
  it("names every address that the service may be given", () => {
    const names = Object.values(variables).map(({ name }): string => name)
    const addresses = names.filter((name) => name.endsWith("_URL"))
    assert.includeMembers(addresses, ["DATABASE_URL", "REDIS_URL", "BINANCE_WS_URL"])
    for (const name of addresses) assert.include(read("SECURITY.md"), `\`${name}\``)
  })
})
