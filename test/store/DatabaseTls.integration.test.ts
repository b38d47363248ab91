import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Logger, Redacted, References } from "effect"
import { SqlClient } from "effect/sql"
import { appendFileSync, chownSync, statSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import * as Database from "../../src/store/Database.ts"
import { locateBinaries } from "../../src/store/embedded/binaries.ts"
import { chooseRunAs } from "../../src/store/embedded/chooseRunAs.ts"
import { ensureCluster, readPassword } from "../../src/store/embedded/Cluster.ts"
import { openFolder } from "../../src/store/embedded/Folder.ts"
import { startServer } from "../../src/store/embedded/startServer.ts"
import { makeAuthority, makeServerCertificate } from "../fixtures/Certificate.ts"
import { temporaryFolder } from "../fixtures/embeddedDatabase.ts"

/** A PostgreSQL that speaks TLS, with a certificate for 127.0.0.1, and the files of its CA and of another one. */
class TlsServer extends Context.Service<
  TlsServer,
  {
    readonly url: (host: string, query: string) => string
    readonly authority: string
    readonly other: string
    /** Of a file that holds no certificate. */
    readonly noCertificate: string
  }
>()("test/TlsServer") {
  static readonly layer = Layer.effect(
    TlsServer,
    Effect.gen(function* () {
      const root = yield* temporaryFolder
      const folder = yield* openFolder(join(root, "data"))
      const binaries = yield* locateBinaries(folder)
      const { major, runAs } = yield* chooseRunAs(folder, binaries)
      yield* ensureCluster(folder, binaries, runAs, major)
      const authority = makeAuthority("the CA of the test")
      const { cert, key } = makeServerCertificate("127.0.0.1", authority)
      const write = (name: string, text: string) => {
        const file = join(root, name)
        writeFileSync(file, text)
        return file
      }
      yield* Effect.sync(() => {
        const { gid, uid } = statSync(folder.cluster)
        for (const [name, text] of Object.entries({ "server.crt": cert, "server.key": key })) {
          const file = join(folder.cluster, name)
          writeFileSync(file, text, { mode: 0o600 })
          chownSync(file, uid, gid)
        }
        appendFileSync(join(folder.cluster, "postgresql.conf"), "\nssl = on\nfsync = off\n")
      })
      const { port } = yield* startServer({ folder, binaries, runAs, port: undefined })
      const password = yield* readPassword(folder)
      return TlsServer.of({
        url: (host, query) => `postgres://fulltape:${password}@${host}:${port}/fulltape${query}`,
        authority: write("ca.pem", authority.cert),
        other: write("other.pem", makeAuthority("another CA").cert),
        noCertificate: write("key.pem", key),
      })
    }),
  ).pipe(Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")))
}

/** Whether the session is encrypted, as the server sees it. */
const encrypted = (url: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ readonly ssl: boolean }>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
  ).pipe(
    Effect.map(([row]) => row?.ssl),
    Effect.provide(Database.connected({ url: Redacted.make(url), poolMax: 1, timeout: Duration.seconds(5) })),
    Effect.provide(Logger.layer([])),
  )

/** What is said of an address that is refused, and that it is said at once. */
const refusal = (url: string) =>
  Effect.flip(encrypted(url)).pipe(
    Effect.map(({ message }) => message),
    Effect.timeout("5 seconds"),
  )

/** The port of something that answers as a PostgreSQL does that was asked for TLS and has none. */
const plainServer = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer((socket) => socket.on("error", () => undefined).once("data", () => socket.write("N")))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close()),
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }),
)

it.layer(TlsServer.layer, { excludeTestServices: true })("the connection to the database", (it) => {
  it.effect("is encrypted and verified wherever the address asks for TLS", () =>
    Effect.gen(function* () {
      const { authority, url } = yield* TlsServer
      for (const asked of ["sslmode=require", "sslmode=verify-full", "sslmode=verify-ca", "ssl=true"]) {
        const trusting = url("127.0.0.1", `?${asked}&sslrootcert=${encodeURIComponent(authority)}`)
        assert.isTrue(yield* encrypted(trusting), asked)
        assert.match(
          yield* refusal(url("127.0.0.1", `?${asked}`)),
          /^The certificate of the database at 127\.0\.0\.1:\d+\/fulltape is not trusted \(.+\): name the file of the CA that signed it as sslrootcert in DATABASE_URL, or go without the check with sslmode=no-verify\.$/,
        )
      }
      assert.isTrue(yield* encrypted(url("127.0.0.1", `?sslrootcert=${encodeURIComponent(authority)}`)))
    }),
  )

  it.effect("is refused where another CA signed the certificate", () =>
    Effect.gen(function* () {
      const { other, url } = yield* TlsServer
      for (const mode of ["require", "verify-ca", "verify-full"]) {
        const address = url("127.0.0.1", `?sslmode=${mode}&sslrootcert=${encodeURIComponent(other)}`)
        assert.match(yield* refusal(address), /is not trusted \(/, mode)
      }
    }),
  )

  it.effect("is refused where the certificate is of another host, unless only the CA is asked about", () =>
    Effect.gen(function* () {
      const { authority, url } = yield* TlsServer
      const at = (mode: string) => url("localhost", `?sslmode=${mode}&sslrootcert=${encodeURIComponent(authority)}`)
      for (const mode of ["require", "verify-full"]) {
        assert.match(
          yield* refusal(at(mode)),
          /is not trusted \(Hostname\/IP does not match certificate's altnames: .*localhost/,
          mode,
        )
      }
      assert.isTrue(yield* encrypted(at("verify-ca")))
    }),
  )

  it.effect("goes without the check where the address says so, and without TLS where it does not ask for it", () =>
    Effect.gen(function* () {
      const { url } = yield* TlsServer
      assert.isTrue(yield* encrypted(url("localhost", "?sslmode=no-verify")))
      assert.isFalse(yield* encrypted(url("127.0.0.1", "")))
      assert.isFalse(yield* encrypted(url("127.0.0.1", "?sslmode=disable")))
      assert.isFalse(yield* encrypted(url("127.0.0.1", "?ssl=false")))
    }),
  )

  it.effect("is refused, at once, where TLS is asked for and the server has none", () =>
    Effect.gen(function* () {
      const port = yield* plainServer
      assert.match(
        yield* refusal(`postgres://u:p@127.0.0.1:${port}/d?sslmode=require`),
        /^The database at 127\.0\.0\.1:\d+\/d speaks no TLS, and DATABASE_URL asks for it: turn it on there, or write sslmode=disable\.$/,
      )
    }),
  )

  it.effect("is refused with one sentence where the file of the CA is none", () =>
    Effect.gen(function* () {
      const { noCertificate, url } = yield* TlsServer
      const at = (file: string) => url("127.0.0.1", `?sslmode=require&sslrootcert=${encodeURIComponent(file)}`)
      assert.match(
        yield* refusal(at("/nowhere/ca.pem")),
        /^The file \/nowhere\/ca\.pem, which DATABASE_URL names as sslrootcert, cannot be used \(ENOENT.+\): name the CA's certificate there, in PEM\.$/,
      )
      assert.match(yield* refusal(at(noCertificate)), /it holds no certificate in PEM/)
    }),
  )
})
