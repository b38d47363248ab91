import { Effect, type Scope } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { type Program, start } from "../fixtures/service/Program.ts"
import { ServiceProcess } from "../fixtures/service/ServiceProcess.ts"

export interface ServiceOptions {
  readonly env: Readonly<Record<string, string>>
  /** Holds a folder for each instance. */
  readonly folder: string
  readonly prefix: ReadonlyArray<string>
}

/** A service that may be killed and started again on the same folder, and may have another one beside it. */
export class RunningService {
  private readonly options: ServiceOptions
  private readonly started: Array<Program> = []
  private current: Program | undefined
  private readonly asked = new Set<Program>()

  constructor(options: ServiceOptions) {
    this.options = options
  }

  /** All processes so far, the first one first. */
  get programs(): ReadonlyArray<Program> {
    return this.started
  }

  /** The process of the folder that stays. */
  get program(): Effect.Effect<Program> {
    return Effect.suspend(() =>
      this.current === undefined ? Effect.die(new Error("The service was not started")) : Effect.succeed(this.current),
    )
  }

  /** Sends a signal that ends it; gives how it ended. */
  readonly end = (program: Program, signal: "SIGKILL" | "SIGTERM") =>
    Effect.suspend(() => {
      this.asked.add(program)
      return Effect.andThen(program.signal(signal), program.end("10 seconds"))
    })

  /** Fails when a process ends that nobody asked to. */
  get endsByItself(): Effect.Effect<never> {
    return Effect.suspend(() => {
      const died = this.started.find((program) => !program.isRunning && !this.asked.has(program))
      if (died === undefined) return Effect.void
      const { code, signal } = died.endedWith ?? { code: null, signal: null }
      return Effect.die(new Error(`the service (pid ${died.pid}) ended by itself with ${code ?? signal}`))
    }).pipe(Effect.delay("50 millis"), Effect.forever)
  }

  static dataDir(folder: string, instance: string): string {
    return join(folder, instance)
  }

  /** Starts it in the folder of an instance; the scope ends it. */
  private readonly run = (instance: string, prefix: ReadonlyArray<string>) =>
    Effect.gen({ self: this }, function* () {
      const dataDir = RunningService.dataDir(this.options.folder, instance)
      yield* Effect.sync(() => mkdirSync(dataDir, { recursive: true, mode: 0o700 }))
      const program = yield* start([], { env: { ...this.options.env, DATA_DIR: dataDir }, prefix })
      this.started.push(program)
      return program
    })

  get start(): Effect.Effect<Program, never, Scope.Scope> {
    return Effect.tap(this.run("data", this.options.prefix), (program) => Effect.sync(() => (this.current = program)))
  }

  /** One more, in a folder of its own. */
  get second(): Effect.Effect<Program, never, Scope.Scope> {
    return this.run("second", [])
  }

  /** The value of one of its metrics; 0 while it does not answer. */
  readonly sample = (name: string) =>
    Effect.flatMap(this.program, (program) => {
      const [, origin] = /Listening on (http:[^ ]+)/.exec(program.lines.join("\n")) ?? []
      return origin === undefined || !program.isRunning
        ? Effect.succeed(0)
        : Effect.catchCause(new ServiceProcess(program, origin).sample(name), () => Effect.succeed(0))
    })

  /** The last lines of each process. */
  get log(): ReadonlyArray<string> {
    return this.started.flatMap((program, index) => [
      `process ${index + 1} (pid ${program.pid}), ${program.endedWith === undefined ? "running" : `ended with ${program.endedWith.code ?? program.endedWith.signal}`}:`,
      ...program.lines.slice(-25),
      ...program.standardError
        .split("\n")
        .filter((line) => line !== "")
        .slice(-10),
    ])
  }
}
