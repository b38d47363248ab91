import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { binariesIn, locateBinaries } from "../../src/store/embedded/binaries.ts"
import { commandOf, lifeOf } from "../../src/store/embedded/processes.ts"
import { accountsOf, candidates } from "../../src/store/embedded/chooseRunAs.ts"
import { lastReason, openLog, sizeOf, trimLog } from "../../src/store/embedded/serverLog.ts"

const folder = { root: "/x", cluster: "/x/cluster", password: "/x/password", log: "/x/server.log", lib: "/x/lib" }
const nobody = { uid: 65534, gid: 65534 }
const ann = { uid: 1001, gid: 1001 }

const hows = (situation: Parameters<typeof candidates>[0]) =>
  candidates(situation).map(({ how, owner }) => (owner === undefined ? how : `${how} ${owner.uid}`))

describe("as whom PostgreSQL runs", () => {
  it("is an ordinary user himself", () => {
    assert.deepStrictEqual(
      hows({ uid: 1001, hasName: true, cluster: undefined, folder: undefined, accounts: [nobody] }),
      ["direct"],
    )
  })

  it("is another name in a namespace where the user has none and initdb needs one", () => {
    assert.deepStrictEqual(
      hows({ uid: 12345, hasName: false, cluster: undefined, folder: undefined, accounts: [nobody] }),
      ["namespace"],
    )
    assert.deepStrictEqual(hows({ uid: 12345, hasName: false, cluster: ann, folder: undefined, accounts: [nobody] }), [
      "direct",
    ])
  })

  it("is, for root, a namespace first, then an unprivileged user, last one who may pass through closed folders", () => {
    assert.deepStrictEqual(
      hows({ uid: 0, hasName: true, cluster: undefined, folder: undefined, accounts: [ann, nobody] }),
      ["namespace", "user 1001", "user 65534", "capability 1001"],
    )
  })

  it("is, for root, the user to whom the cluster belongs", () => {
    assert.deepStrictEqual(hows({ uid: 0, hasName: true, cluster: ann, folder: undefined, accounts: [nobody] }), [
      "user 1001",
      "capability 1001",
    ])
  })

  it("is, for root, the user to whom the folder belongs, while there is no cluster", () => {
    assert.deepStrictEqual(hows({ uid: 0, hasName: true, cluster: undefined, folder: ann, accounts: [ann] }), [
      "user 1001",
      "capability 1001",
    ])
  })

  it("prefers who called sudo, then nobody, and never takes root or an id without a name", () => {
    const passwd = "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nann:x:1001:1001::/:/bin/sh\n"
    assert.deepStrictEqual(accountsOf(`${passwd}nobody:x:65534:65534::/:/bin/false\n`, [1001, 0, 4711]), [
      ann,
      nobody,
      { uid: 1, gid: 1 },
    ])
    assert.deepStrictEqual(accountsOf(passwd, []), [{ uid: 1, gid: 1 }])
    assert.deepStrictEqual(accountsOf("", [1001]), [])
  })
})

describe("the programs", () => {
  it.effect("that do not exist for a platform are one sentence that says what to set", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(locateBinaries(folder, "sunos-sparc"))
      assert.strictEqual(error.reason, "Unsupported")
      assert.strictEqual(
        error.message,
        "There is no embedded PostgreSQL for sunos-sparc: set DATABASE_URL to a PostgreSQL server.",
      )
    }),
  )

  it.effect("that were not installed are one sentence that says how to", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(binariesIn("/nowhere", folder, "linux-x64"))
      assert.strictEqual(error.reason, "Unsupported")
      assert.include(error.message, "run npm install")
    }),
  )
})

describe("a process", () => {
  it("lives one life", () => {
    assert.strictEqual(lifeOf(process.pid), lifeOf(process.pid))
    assert.include(commandOf(process.pid) ?? "", "node")
  })

  it("that has ended has none", () => {
    assert.strictEqual(lifeOf(spawnSync("true").pid), undefined)
  })
})

describe("the reason in a server's log", () => {
  it("is its last fatal line, without the date", () => {
    const log = `2026-01-01 00:00:00.000 UTC [7] LOG:  starting
2026-01-01 00:00:00.000 UTC [7] FATAL:  could not create any TCP/IP sockets
2026-01-01 00:00:00.000 UTC [7] LOG:  database system is shut down
`
    assert.strictEqual(lastReason(log), "could not create any TCP/IP sockets")
    assert.strictEqual(lastReason("initdb: error: no\ninitdb: hint: yes\n"), "no")
    assert.strictEqual(lastReason(""), "it says nothing")
  })
})

describe("the server's log", () => {
  it("is bounded while a server holds it open", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "fulltape-log-"))
    const file = path.join(directory, "server.log")
    const log = openLog(file)
    try {
      writeSync(log, "x".repeat(8 * 1024 * 1024))
      trimLog(file)
      assert.strictEqual(sizeOf(file), 8 * 1024 * 1024)
      writeSync(log, "y")
      trimLog(file)
      writeSync(log, "after")
      assert.deepStrictEqual([sizeOf(file), sizeOf(`${file}.1`)], [5, 8 * 1024 * 1024 + 1])
    } finally {
      closeSync(log)
      rmSync(directory, { recursive: true })
    }
  })
})
