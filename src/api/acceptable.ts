import { Effect } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { isIP } from "node:net"

/** Longer than any address that is answered, with a query that a monitor may add. */
const MOST_URL_CHARACTERS = 2_048

/**
 * Refuses what no request of a well-meaning client has: a body, which nothing here reads; an address that is too long; and, while the
 * service listens on loopback alone, the name of another host, which a web page can have pointed at this machine (DNS rebinding).
 */
export const acceptable = (listensOn: string | undefined) => {
  const onlyLocal = listensOn !== undefined && isLoopback(listensOn)
  return <E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, url }) => {
      if (hasBody(headers)) {
        return refuse(413, "Content Too Large", "A request has no body here: send it without one.")
      }
      if (url.length > MOST_URL_CHARACTERS) {
        return refuse(414, "URI Too Long", `An address has at most ${MOST_URL_CHARACTERS} characters.`)
      }
      const host = headers["host"]
      if (onlyLocal && host !== undefined && !isLocalName(nameIn(host), listensOn)) {
        const message =
          "The service listens on this machine alone, and answers to its IP address or to localhost: a proxy in front of it has to send one of them as Host."
        return refuse(421, "Misdirected Request", message)
      }
      return app
    })
}

/** Without another request on the same connection: what follows of this one is not read. */
const refuse = (status: number, error: string, message: string) =>
  Effect.succeed(HttpServerResponse.jsonUnsafe({ error, message }, { status, headers: { connection: "close" } }))

const hasBody = (headers: Readonly<Record<string, string | undefined>>): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\.[\d.]+$/.test(host)

/** A page's own name is never an IP address of this machine, unless the page came from it. */
const isLocalName = (name: string, listensOn: string): boolean =>
  isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || name === listensOn.toLowerCase()

/** A Host header without its port, and without the brackets of an IPv6 address. */
const nameIn = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")
