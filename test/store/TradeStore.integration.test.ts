import { afterAll, beforeAll } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EmbeddedPostgres } from "../../src/store/EmbeddedPostgres.ts"
import { storeSuite } from "./storeSuite.ts"

const dataDir = mkdtempSync(join(tmpdir(), "fulltape-store-"))
const scope = Scope.makeUnsafe()
let url = ""

beforeAll(() =>
  Effect.gen(function* () {
    const context = yield* Layer.buildWithScope(EmbeddedPostgres.layer({ dataDir }), scope)
    url = Redacted.value((yield* Effect.provide(EmbeddedPostgres, context)).url)
  }).pipe(Effect.runPromise),
)
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true })
})

storeSuite(() => url, { everyInterleaving: false, flavour: "postgresql" })
