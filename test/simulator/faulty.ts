import { Effect, type Scope } from "effect"
import { readFaults } from "../../src/simulator/faults/readFaults.ts"
import { Simulator, type SimulatorOptions } from "../../src/simulator/Simulator.ts"
import { eventually } from "../fixtures/service/eventually.ts"

/** A simulator that runs. */
export type Running = (typeof Simulator)["Service"]

/** Runs a test against a market of BTCUSDT, 2,000 trades a second unless told otherwise, with faults written as JSON. */
export const faulty = <A, E>(
  faults: string,
  test: (simulator: Running) => Effect.Effect<A, E, Scope.Scope>,
  options: SimulatorOptions = {},
) =>
  Effect.flatMap(Simulator, test).pipe(
    Effect.provide(Simulator.layer({ rate: 2_000, symbols: ["BTCUSDT"], faults: readFaults(faults), ...options })),
  )

/** Makes faults, written as JSON, happen now; gives the details of what was done. */
export const happen = (simulator: Running, faults: string) =>
  Effect.gen(function* () {
    const before = (yield* simulator.state).faults.happened.length
    const read = readFaults(faults)
    yield* simulator.inject(read)
    const { happened } = yield* eventually(
      "the faults",
      Effect.map(simulator.state, (state) => state.faults),
      ({ happened }) => happened.length >= before + read.length,
    )
    return happened.slice(before).map(({ detail }) => detail)
  })

/** How many the faults met, by kind. */
export const met = ({ state }: Running) => Effect.map(state, ({ faults }) => faults.met)
