import { setFlagsFromString } from "node:v8"

/**
 * V8 sizes its heap after the machine's memory, not after the work, and keeps several times what is alive. Both flags are read each
 * time a heap is about to grow, so they may be set by a running process: the young generation stays small, and the old one may
 * double between two full collections. It costs a little CPU. So small a young generation is collected sooner by one thread than
 * others can be woken to help.
 */
setFlagsFromString("--semi-space-growth-factor=1")
setFlagsFromString("--heap-growing-percent=100")
setFlagsFromString("--no-parallel-scavenge")
