import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import * as tls from "node:tls"
import { DatabaseUnusable } from "./DatabaseUnusable.ts"

/** How the client of PostgreSQL is to connect. */
export interface DatabaseTls {
  /** Without what it says of TLS, unless the client is to decide. */
  readonly url: Redacted.Redacted<string>
  /** undefined: what the address says. */
  readonly ssl: tls.ConnectionOptions | undefined
}

/**
 * What an address says of TLS. Whoever asks for it (`sslmode=require` and above, `ssl=true`, or an `sslrootcert`) gets a certificate that
 * is verified, by the CAs of Node and of the system or by those of the file: other than in libpq, `require` is as strict as
 * `verify-full`. Going without is said as `sslmode=no-verify`. Fails where the file is none of certificates.
 */
export const databaseTls = (address: Redacted.Redacted<string>): Effect.Effect<DatabaseTls, DatabaseUnusable> =>
  Effect.gen(function* () {
    const url = new URL(Redacted.value(address))
    const given = (name: string) => url.searchParams.get(name) ?? undefined
    const file = given("sslrootcert")
    const mode = given("sslmode") ?? modeOf(given("ssl")) ?? (file === undefined ? "disable" : "verify-full")
    if (mode === "prefer" || mode === "allow") return { url: address, ssl: undefined }
    for (const name of ["ssl", "sslmode", "sslrootcert"]) url.searchParams.delete(name)
    const bare = Redacted.make(url.href, { label: "DATABASE_URL" })
    if (mode === "disable") return { url: bare, ssl: undefined }
    if (mode === "no-verify") return { url: bare, ssl: { rejectUnauthorized: false } }
    const ca = file === undefined || file === "system" ? trusted() : yield* certificatesIn(file)
    const ofAnyName = mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}
    return { url: bare, ssl: { ...(ca === undefined ? {} : { ca: [...ca] }), ...ofAnyName } }
  })

/** As many clients spell it. */
const modeOf = (ssl: string | undefined): string | undefined =>
  ssl === undefined ? undefined : /^(true|1)$/.test(ssl) ? "require" : "disable"

/** undefined: this version of Node tells none, and trusts its own and those of NODE_EXTRA_CA_CERTS. */
const trusted = (): ReadonlyArray<string> | undefined =>
  "getCACertificates" in tls ? [...tls.getCACertificates("default"), ...tls.getCACertificates("system")] : undefined

const certificatesIn = (file: string) =>
  Effect.try({
    try: () => {
      const text = readFileSync(file, "utf8")
      if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error("it holds no certificate in PEM")
      return [text]
    },
    catch: (error) =>
      new DatabaseUnusable({
        message: `The file ${file}, which DATABASE_URL names as sslrootcert, cannot be used (${error instanceof Error ? error.message : String(error)}): name the CA's certificate there, in PEM.`,
      }),
  })
