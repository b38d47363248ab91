/** As the service begins (src/main.ts): the heap is bounded before anything is loaded. */
import "../../src/memory.ts"

await import("./busArrivals.ts")
