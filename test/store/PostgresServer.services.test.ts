import { Duration, Effect, Redacted } from "effect"
import { connected } from "../../src/store/Database.ts"
import { findFlavour } from "../../src/store/Flavour.ts"
import { storeSuite } from "./storeSuite.ts"

const url = process.env["TEST_DATABASE_URL"] ?? ""

const flavour = await findFlavour.pipe(
  Effect.provide(connected({ url: Redacted.make(url), poolMax: 1, timeout: Duration.seconds(5) })),
  Effect.runPromise,
)

storeSuite(() => url, { everyInterleaving: true, flavour: flavour.name })
