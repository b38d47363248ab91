#!/usr/bin/env node
import "./memory.ts"

// Not a static import: those are loaded before anything runs, and a heap that has grown meanwhile stays as large.
await import("./cli/fulltape.ts")
