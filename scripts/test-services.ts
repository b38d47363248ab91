/** Runs the services tests on Debian's plain PostgreSQL and on its TimescaleDB; `services/suite.ts` says how. */
import { postgres } from "./services/postgres.ts"
import { testOn } from "./services/suite.ts"
import { timescale } from "./services/timescale.ts"

process.exitCode = await testOn([postgres, timescale])
