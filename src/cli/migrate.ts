import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as Fulltape from "../Fulltape.ts"
import { Settings } from "../Settings.ts"
import * as Database from "../store/Database.ts"

export const migrate = Command.make("migrate", {}, () =>
  Effect.gen(function* () {
    const applied = yield* Database.migrate
    for (const [id, name] of applied) yield* Console.log(`Applied migration ${id} (${name}).`)
    yield* Console.log("The database is up to date.")
  }).pipe(Effect.provide(Fulltape.databaseBeside({ mustExist: false })), Effect.provide(Settings.layer())),
).pipe(Command.withDescription("Create or update the tables; safe to run again"))
