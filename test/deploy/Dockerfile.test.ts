import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { existsSync } from "node:fs"
import { variables } from "../../src/settings/variables.ts"
import * as dockerfile from "./dockerfile.ts"
import { decoded, pathOf, read } from "./files.ts"

const manifest = decoded(
  "package.json",
  Schema.Struct({ devDependencies: Schema.Record(Schema.String, Schema.String) }),
)

describe("Dockerfile", () => {
  it("builds and runs on the Node that the tests run on", () => {
    const images = [...read("Dockerfile").matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    const node = `node:${manifest.devDependencies["node"]}-bookworm-slim`
    assert.deepStrictEqual(images, [node, node])
  })

  it("is made from files that exist and that the build gets to see", () => {
    const ignored = read(".dockerignore").split("\n")
    assert.include(ignored, "*")
    const all = [...read("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = ""]) =>
      files.split(" "),
    )
    assert.sameMembers(
      ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "src", "migrations"],
      [...new Set(all)],
    )
    for (const path of all) {
      assert.isTrue(existsSync(pathOf(path)), path)
      assert.include(ignored, `!${path}`)
    }
    assert.sameMembers(
      dockerfile.copied.map(({ from }) => from),
      ["package.json", "package-lock.json", "migrations", "dist"],
    )
  })

  it("runs the program, not as root, and sets variables that exist", () => {
    assert.deepStrictEqual(dockerfile.command, ["node", "dist/main.js"])
    assert.strictEqual(dockerfile.user, "node")
    assert.strictEqual(dockerfile.port, variables.port.default)
    const known: ReadonlyArray<string> = Object.values(variables).map(({ name }) => name)
    assert.sameMembers(Object.keys(dockerfile.environment), ["NODE_ENV", "HOST", "DATA_DIR"])
    assert.includeMembers([...known], Object.keys(dockerfile.environment))
    assert.match(dockerfile.install, /^npm ci .*--omit=dev/)
  })

  it("asks for health with a command that the program has, and not whether trades are stored: a restart would not mend that", () => {
    assert.deepStrictEqual(dockerfile.healthcheck, ["node", "dist/main.js", "health"])
    assert.match(read("src/cli/fulltape.ts"), /withSubcommands\(\[[^\]]*\bhealth\b/)
  })
})
