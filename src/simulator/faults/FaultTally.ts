import { type Fault } from "./Fault.ts"

/** A number for each kind of fault. */
export interface FaultTally {
  /** Notes so many more; 0 notes the kind alone. */
  readonly add: (kind: Fault["kind"], count?: number) => void
  /** The kinds that were noted. */
  readonly counts: () => Readonly<Record<string, number>>
}

/** Nothing noted yet. */
export const makeFaultTally = (): FaultTally => {
  const counts = new Map<Fault["kind"], number>()
  return {
    add: (kind, count = 1) => {
      counts.set(kind, (counts.get(kind) ?? 0) + count)
    },
    counts: () => Object.fromEntries(counts),
  }
}
