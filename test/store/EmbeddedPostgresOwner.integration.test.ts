import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { execFile, spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { lifeOf, signal } from "../../src/store/embedded/processes.ts"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { copyOf, endServer, eventually, kept, owner, temporaryFolder, template } from "../fixtures/embeddedDatabase.ts"

const build = (layer: ReturnType<typeof EmbeddedPostgres.layer>) =>
  Effect.map(Layer.build(layer), Context.get(EmbeddedPostgres))

class Template extends Context.Service<Template, string>()("test/Template") {
  static readonly layer = Layer.effect(Template, template)
}

/** Any live process that has nothing to do with a database. */
const bystander = Effect.acquireRelease(
  Effect.sync(() => spawn("sleep", ["60"])),
  (child) => Effect.sync(() => child.kill()),
)

/** A process that owned the database of `dataDir` and was killed; its server still runs. */
const killedOwner = Effect.fnUntraced(function* (dataDir: string) {
  const { pid, report } = yield* owner(dataDir)
  if (!report.ready) return yield* Effect.die(report.message)
  yield* endServer(report.pid)
  signal(pid, "SIGKILL")
  yield* eventually(Effect.sync(() => lifeOf(pid) === undefined))
  return report
})

it.layer(Template.layer, { excludeTestServices: true })("an owner of the embedded database", (it) => {
  it.effect("keeps a second one out, who names it", () =>
    Effect.gen(function* () {
      const dataDir = yield* copyOf(yield* Template)
      const first = yield* owner(dataDir)
      assert.isTrue(first.report.ready)
      const error = yield* Effect.flip(build(EmbeddedPostgres.layer({ dataDir })))
      assert.strictEqual(error.reason, "Owned")
      assert.strictEqual(
        error.message,
        `The embedded database in ${dataDir}/postgres is in use by another Fulltape (pid ${first.pid}): stop that one, or set DATA_DIR to another folder.`,
      )
      const guest = yield* build(EmbeddedPostgres.layerAttach({ dataDir }))
      assert.deepStrictEqual([guest.owned, yield* kept(guest.url)], [false, [42]])
    }),
  )

  it.effect("wins alone when three start at once", () =>
    Effect.gen(function* () {
      const dataDir = yield* copyOf(yield* Template)
      const all = yield* Effect.all([owner(dataDir), owner(dataDir), owner(dataDir)], { concurrency: "unbounded" })
      assert.deepStrictEqual(all.map(({ report }) => (report.ready ? "ready" : report.reason)).sort(), [
        "Owned",
        "Owned",
        "ready",
      ])
    }),
  )

  it.effect("is never one of two, however often processes take and leave a folder at once", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const script = fileURLToPath(new URL("../fixtures/claimInTurns.ts", import.meta.url))
      const turns = Effect.callback<string>((resume) => {
        execFile(process.execPath, [script, folder], (error, stdout) =>
          resume(Effect.succeed(error?.message ?? stdout)),
        )
      })
      const said = yield* Effect.all([turns, turns, turns], { concurrency: "unbounded" })
      assert.deepStrictEqual(said, ["done\n", "done\n", "done\n"])
    }),
  )

  it.effect("takes over the server of an owner that was killed, and stops it", () =>
    Effect.gen(function* () {
      const dataDir = yield* copyOf(yield* Template)
      const orphan = yield* killedOwner(dataDir)
      assert.isDefined(lifeOf(orphan.pid))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
          assert.deepStrictEqual([yield* postgres.pid, postgres.port], [orphan.pid, orphan.port])
          assert.deepStrictEqual(yield* kept(postgres.url), [42])
        }),
      )
      assert.isUndefined(lifeOf(orphan.pid))
    }),
  )

  it.effect("starts a server that it took over again when that ends", () =>
    Effect.gen(function* () {
      const dataDir = yield* copyOf(yield* Template)
      const orphan = yield* killedOwner(dataDir)
      const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
      signal(orphan.pid, "SIGKILL")
      yield* eventually(Effect.map(postgres.pid, (pid) => pid !== undefined && pid !== orphan.pid))
      assert.deepStrictEqual([postgres.port, yield* kept(postgres.url)], [orphan.port, [42]])
    }),
  )

  it.effect("is not fooled when the process ids of a dead owner and of its server are other programs' now", () =>
    Effect.gen(function* () {
      const dataDir = yield* copyOf(yield* Template)
      const orphan = yield* killedOwner(dataDir)
      signal(orphan.pid, "SIGKILL")
      yield* eventually(Effect.sync(() => lifeOf(orphan.pid) === undefined))
      const { pid } = yield* bystander
      const left = path.join(dataDir, "postgres", "cluster", "postmaster.pid")
      writeFileSync(left, readFileSync(left, "utf8").replace(/^\d+/, String(pid)))
      writeFileSync(path.join(dataDir, "postgres", "owner.7.json"), JSON.stringify({ pid, life: "old", brief: false }))
      const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
      assert.deepStrictEqual(yield* kept(postgres.url), [42])
      assert.isDefined(lifeOf(pid ?? 0))
      assert.deepStrictEqual(
        readdirSync(path.join(dataDir, "postgres")).filter((_) => _.startsWith("owner")),
        ["owner.8.json"],
      )
    }),
  )

  it.effect("starts anew where one was killed while it made the database", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const first = yield* Effect.forkChild(owner(dataDir).pipe(Effect.scoped, Effect.exit))
      const begun = path.join(dataDir, "postgres")
      const workshop = () => (existsSync(begun) ? readdirSync(begun).find((_) => _.startsWith("new-")) : undefined)
      yield* eventually(
        Effect.sync(() => existsSync(path.join(begun, workshop() ?? "none", "cluster", "postgresql.conf"))),
      )
      const record: { readonly pid: number } = JSON.parse(readFileSync(path.join(begun, "owner.1.json"), "utf8"))
      signal(record.pid, "SIGKILL")
      yield* eventually(Effect.sync(() => first.pollUnsafe() !== undefined))
      assert.isFalse(existsSync(path.join(begun, "cluster")))
      const postgres = yield* build(EmbeddedPostgres.layer({ dataDir }))
      assert.isDefined(yield* postgres.pid)
      assert.isUndefined(workshop())
    }),
  )
})
