import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { binariesIn, locateBinaries } from "../../src/store/embedded/binaries.ts"
import { openFolder } from "../../src/store/embedded/Folder.ts"
import { owner, temporaryFolder } from "../fixtures/embeddedDatabase.ts"

const isRoot = process.geteuid?.() === 0
const nobody = 65534
const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"]
const script = fileURLToPath(new URL("../fixtures/ownEmbeddedPostgres.ts", import.meta.url))

/** Whether another user could run this project where it stands. */
const nobodyCanRun =
  isRoot && spawnSync("setpriv", [...asNobody.slice(1), process.execPath, "--check", script]).status === 0

const clusterOf = (dataDir: string) => statSync(path.join(dataDir, "postgres", "cluster"))

/** Starts and stops the database in a process of its own, and says how that ended. */
const start = (dataDir: string, options?: Parameters<typeof owner>[1]) =>
  Effect.scoped(Effect.map(owner(dataDir, options), ({ report }) => (report.ready ? "ready" : report.message)))

/** A PATH on which some tools are there and do not work. */
const without = Effect.fnUntraced(function* (...tools: ReadonlyArray<string>) {
  const bin = yield* temporaryFolder
  chmodSync(bin, 0o755)
  for (const tool of tools) writeFileSync(path.join(bin, tool), "#!/bin/sh\necho no $0 >&2; exit 1\n", { mode: 0o755 })
  return { env: { PATH: `${bin}:${process.env["PATH"]}`, SUDO_UID: "" } }
})

describe.skipIf(!isRoot)("as root (skipped for other users)", () => {
  it.live("runs in a folder that only root may enter, twice, with files that stay root's", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      assert.strictEqual(statSync(dataDir).mode & 0o777, 0o700)
      for (let time = 0; time < 2; time++) {
        assert.strictEqual(yield* start(dataDir), "ready")
        assert.strictEqual(clusterOf(dataDir).uid, 0)
      }
      // The same database where user namespaces are forbidden: with one right of root, then as a plain user.
      const said = yield* start(dataDir, yield* without("unshare", "setpriv"))
      assert.match(
        said,
        /^PostgreSQL refuses to run as root, [^\n]+: run Fulltape as an ordinary user, or set DATABASE_/,
      )
      assert.strictEqual(yield* start(dataDir, yield* without("unshare")), "ready")
      assert.notStrictEqual(clusterOf(dataDir).uid, 0)
      assert.strictEqual(yield* start(dataDir), "ready")
      chmodSync(dataDir, 0o755)
      const plain = yield* start(dataDir, yield* without("unshare", "setpriv"))
      // A plain user can walk to the programs only where the project's folder is open to all.
      if (nobodyCanRun) assert.strictEqual(plain, "ready")
      else assert.include(plain, "PostgreSQL refuses to run as root")
    }),
  )
})

describe.skipIf(!nobodyCanRun)("as an ordinary user (skipped where root cannot become one who can read this)", () => {
  it.live("runs, and refuses folders that it may not write and databases of others, in one sentence", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      chmodSync(folder, 0o755)
      const dataDir = path.join(folder, "data")
      mkdirSync(dataDir, { mode: 0o700 })
      chownSync(dataDir, nobody, nobody)
      assert.strictEqual(yield* start(dataDir, { prefix: asNobody }), "ready")
      assert.strictEqual(clusterOf(dataDir).uid, nobody)
      // What root leaves there stays usable for the one to whom the folder belongs.
      assert.strictEqual(yield* start(dataDir), "ready")
      assert.strictEqual(yield* start(dataDir, { prefix: asNobody }), "ready")
      assert.strictEqual(
        yield* start(path.join(folder, "other"), { prefix: asNobody }),
        `The data folder ${folder}/other cannot be written by this user (EACCES): change its permissions or set DATA_DIR to another folder.`,
      )
      execFileSync("chown", ["-R", "0:0", path.join(dataDir, "postgres", "cluster")])
      assert.match(
        yield* start(dataDir, { prefix: asNobody }),
        /belongs to user 0 and this is user 65534: run Fulltape as/,
      )
    }),
  )
})

describe("without the install script of the binaries", () => {
  it.live("links the libraries itself", () =>
    Effect.gen(function* () {
      const root = yield* temporaryFolder
      const folder = yield* openFolder(root)
      const { postgres } = yield* locateBinaries(folder)
      const native = path.join(root, "package", "native")
      mkdirSync(path.dirname(native))
      execFileSync("cp", ["-r", path.dirname(path.dirname(postgres)), native])
      for (const name of readdirSync(path.join(native, "lib"))) {
        if (lstatSync(path.join(native, "lib", name)).isSymbolicLink()) rmSync(path.join(native, "lib", name))
      }
      const copied = path.join(native, "bin", "postgres")
      assert.notStrictEqual(spawnSync(copied, ["--version"]).status, 0)
      const binaries = yield* binariesIn(native, folder, "linux-x64")
      assert.strictEqual(binaries.postgres, copied)
      assert.match(execFileSync(copied, ["--version"], { env: binaries.env, encoding: "utf8" }), /PostgreSQL\) \d+/)
    }),
  )
})
