import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"

/** Bytes of the young generation: half of it takes more CPU under load, twice as much only more memory. */
const YOUNG = 8 * 1024 * 1024

/**
 * V8 sizes its heap after the machine's memory, not after the work, and keeps several times what is alive. Its flags are read each
 * time a heap is about to grow, so they may be set by a running process, before it loads anything else: the young generation grows to
 * its size at once and never again, and the old one may grow by half of what is alive between two full collections. So small a young
 * generation is collected sooner by one thread than others can be woken to help.
 */
setFlagsFromString("--semi-space-growth-factor=2")
growYoung()
setFlagsFromString("--semi-space-growth-factor=1")
setFlagsFromString("--heap-growing-percent=50")
setFlagsFromString("--no-parallel-scavenge")

/** What survives in the young generation makes it grow. It takes some 3 MB; 8 at most, for a V8 that does not do so. */
function growYoung(): void {
  const some = Array.from({ length: 1_000 }, () => 0)
  const alive: Array<ReadonlyArray<number>> = []
  while (alive.length < 1_000 && youngSize() < YOUNG) alive.push([...some])
}

function youngSize(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? YOUNG
}
