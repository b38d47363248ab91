import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:https"
import { BinanceRest } from "../../../src/feed/binance/BinanceRest.ts"
import { BinanceSocket } from "../../../src/feed/binance/BinanceSocket.ts"
import { isUntrusted } from "../../../src/feed/certificate.ts"
import { makeAuthority, makeServerCertificate } from "../../fixtures/Certificate.ts"

/** Something that listens behind a certificate that nobody signed, or a CA that nobody knows; and how often it was asked. */
const behind = Effect.fnUntraced(function* (certificate: ReturnType<typeof makeServerCertificate>) {
  const seen = { requests: 0 }
  const count = () => (seen.requests += 1)
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => createServer({ cert: certificate.cert, key: certificate.key }, count).on("upgrade", count)),
    (server) => Effect.sync(() => (server.closeAllConnections(), server.close())),
  )
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
  return { host: `127.0.0.1:${port}`, seen }
})

describe("an exchange whose certificate nobody vouches for", () => {
  const certificates = {
    "signed by itself": makeServerCertificate("127.0.0.1"),
    "signed by an unknown CA": makeServerCertificate("127.0.0.1", makeAuthority("nobody")),
  }
  for (const [how, certificate] of Object.entries(certificates)) {
    it.live(`is not dialled and not asked over REST: ${how}`, () =>
      Effect.gen(function* () {
        const { host, seen } = yield* behind(certificate)
        const sentence = new RegExp(`^${host} cannot be reached \\(its certificate is not trusted: .+\\)\\.$`)
        const lost = yield* Effect.flip(
          Effect.flatMap(BinanceSocket, (sockets) => sockets.open(`wss://${host}/ws`)).pipe(
            Effect.provide(BinanceSocket.layer),
          ),
        )
        assert.match(lost.message, sentence)
        const unasked = yield* Effect.flip(
          Effect.flatMap(BinanceRest, (rest) => rest.listed(["BTCUSDT"])).pipe(
            Effect.provide(BinanceRest.layer({ restUrl: new URL(`https://${host}`) })),
          ),
        )
        assert.match(unasked.message, sentence)
        assert.strictEqual(seen.requests, 0)
      }).pipe(Effect.scoped),
    )
  }

  it("is told apart from one that cannot be reached", () => {
    for (const code of ["CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID", "SELF_SIGNED_CERT_IN_CHAIN"]) {
      assert.isTrue(isUntrusted(code), code)
    }
    for (const code of [undefined, "ECONNREFUSED", "08006", "57P03", "ERR_SSL_WRONG_VERSION_NUMBER"]) {
      assert.isFalse(isUntrusted(code), code)
    }
  })
})
