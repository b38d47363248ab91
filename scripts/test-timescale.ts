/** Runs the services tests on Debian's TimescaleDB; `services/suite.ts` says how. */
import { testOn } from "./services/suite.ts"
import { timescale } from "./services/timescale.ts"

process.exitCode = await testOn([timescale])
