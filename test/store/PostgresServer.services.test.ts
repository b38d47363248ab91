import { storeSuite } from "./storeSuite.ts"

storeSuite(() => process.env["TEST_DATABASE_URL"] ?? "", { everyInterleaving: true })
