import { Duration, Result } from "effect"
import { isIP } from "node:net"
import { resolve } from "node:path"

/** How one variable is written: in words for a person, and as a parser of its trimmed text. */
export interface Format<out A> {
  /** Completes "it takes …". */
  readonly accepts: string
  /** Fails with what is wrong, completing "VARIABLE …", and never with a secret. */
  readonly parse: (text: string) => Result.Result<A, string>
}

/** The words for a refused value: on one line, shortened, without the credentials that an address may hold. */
const refused = (text: string, verb = "is"): Result.Result<never, string> => {
  const shown = holdsNoCredentials(text) ? text : text.replace(/^.*@/s, "***@")
  return Result.fail(`${verb} ${JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown)}`)
}

/** Whatever stands before an @ may be a password, unless the address is well-formed and its @ is elsewhere. */
const holdsNoCredentials = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { host, password, username } = new URL(text)
  return host !== "" && username === "" && password === ""
}

/** The empty text, which is an unset variable without a default, becomes `undefined`. */
export const optional = <A>(format: Format<A>): Format<A | undefined> => ({
  accepts: format.accepts,
  parse: (text) => (text === "" ? Result.succeed(undefined) : format.parse(text)),
})

/** A whole number in plain digits. */
export const wholeNumber = (range: {
  readonly min: number
  readonly max: number
  readonly unit?: string
}): Format<number> => ({
  accepts: `a whole number${range.unit === undefined ? "" : ` of ${range.unit}`} from ${range.min} to ${range.max}`,
  parse: (text) => {
    const value = Number(text)
    return /^\d+$/.test(text) && value >= range.min && value <= range.max ? Result.succeed(value) : refused(text)
  },
})

/** One of a few words, in any case. */
export const oneOf = <const A extends string>(words: ReadonlyArray<A>): Format<A> => ({
  accepts: words.join(", ").replace(/, ([^,]+)$/, " or $1"),
  parse: (text) => {
    const word = words.find((word) => word === text.toLowerCase())
    return word === undefined ? refused(text) : Result.succeed(word)
  },
})

/** A yes or a no. */
export const yesOrNo: Format<boolean> = {
  accepts: "true or false",
  parse: (text) => Result.map(oneOf(["true", "false"]).parse(text), (word) => word === "true"),
}

/** A span of time with its unit, such as 90 minutes. A month has 30 days, a year 365. */
export const duration = (range: {
  readonly min: Duration.Input
  readonly max: Duration.Input
}): Format<Duration.Duration> => {
  const [min, max] = [Duration.fromInputUnsafe(range.min), Duration.fromInputUnsafe(range.max)]
  return {
    accepts: `a time with its unit, such as 90 minutes or 2 years, from ${Duration.format(min)} to ${Duration.format(max)}`,
    parse: (text) => {
      const [, count, unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]+?)s?$/.exec(text.toLowerCase()) ?? []
      const seconds = secondsOf[unit]
      if (count === undefined || seconds === undefined) return refused(text)
      const span = Duration.seconds(Number(count) * seconds)
      return Duration.between(span, { minimum: min, maximum: max }) ? Result.succeed(span) : refused(text)
    },
  }
}

const secondsOf: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000,
}

/** Any text of one line. */
export const text: Format<string> = {
  accepts: "text on one line",
  parse: (text) => (/^\P{Cc}+$/u.test(text) ? Result.succeed(text) : refused(text)),
}

/** The name or the IP address of a network interface of this machine. */
export const host: Format<string> = {
  accepts: "a host name or an IP address without a port, such as 127.0.0.1, 0.0.0.0 or ::",
  parse: (text) => (isIP(text) !== 0 || /^[\w.-]+$/.test(text) ? Result.succeed(text) : refused(text)),
}

/** A folder; a relative one starts at the working directory. */
export const folder: Format<string> = {
  accepts: "the path of a folder",
  parse: (text) => (/^\P{Cc}+$/u.test(text) ? Result.succeed(resolve(text)) : refused(text)),
}

/** The base address of an HTTP service, without a trailing slash in its path. */
export const httpUrl = (options: { readonly example: string; readonly without?: RegExp }): Format<URL> => ({
  accepts: `an http:// or https:// address without query and fragment, such as ${options.example}`,
  parse: (text) => {
    const url = parseUrl(text, ["http:", "https:"])
    return url === undefined || options.without?.test(url.pathname) === true ? refused(text) : Result.succeed(url)
  },
})

/** The base address of the streams; its path ends in `/ws` or `/stream`, or is `/`. */
export const streamUrl: Format<URL> = {
  accepts: "a ws:// or wss:// address whose path ends with /ws, /stream or nothing, without query and fragment",
  parse: (text) => {
    const url = parseUrl(text, ["ws:", "wss:"])
    return url !== undefined && /^\/$|\/(ws|stream)$/.test(url.pathname) ? Result.succeed(url) : refused(text)
  },
}

/** Upper-cased, each once, in the order written. Symbols are not always ASCII. */
export const symbols: Format<ReadonlyArray<string>> = {
  accepts: "symbols of the exchange separated by commas, such as BTCUSDT,ETHUSDT",
  parse: (text) => {
    const names = text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim().toUpperCase()]))
    const wrong = names.find((name) => /[\s/@\p{Cc}]/u.test(name))
    if (wrong !== undefined) return refused(wrong, "has")
    return names.length === 0 ? refused(text) : Result.succeed([...new Set(names)])
  },
}

/** A connection address of PostgreSQL. Its problems are described without the value, which may hold a password. */
export const databaseUrl: Format<string> = {
  accepts: "postgres://user:password@host:port/database, where special characters are percent-encoded",
  parse: (text) => {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0].toLowerCase()
    if (scheme === undefined) return Result.fail("does not start with postgres:// (its value is not shown)")
    if (scheme !== "postgres://" && scheme !== "postgresql://") return Result.fail(`starts with ${scheme}`)
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !isEncoded(url)) return Result.fail("is not a readable address (its value is not shown)")
    if (url.hostname === "") return Result.fail("names no host (its value is not shown)")
    if (url.pathname.length < 2) return Result.fail("names no database (its value is not shown)")
    const problem = tlsProblem(url.searchParams)
    return problem === undefined ? Result.succeed(text) : Result.fail(problem)
  },
}

/** A connection address of Redis. Its problems are described without the value, which may hold a password. */
export const redisUrl: Format<string> = {
  accepts: "redis://user:password@host:port/number, or rediss:// for TLS, where special characters are percent-encoded",
  parse: (text) => {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0].toLowerCase()
    if (scheme === undefined) return Result.fail("does not start with redis:// (its value is not shown)")
    if (scheme !== "redis://" && scheme !== "rediss://") return Result.fail(`starts with ${scheme}`)
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !isEncoded(url) || /[?#]/.test(text))
      return Result.fail("is not a readable address (its value is not shown)")
    if (url.hostname === "") return Result.fail("names no host (its value is not shown)")
    if (!/^\/?\d{0,5}$/.test(url.pathname)) return Result.fail("has a path that is no number (its value is not shown)")
    return Result.succeed(text)
  },
}

const tlsModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "no-verify"]

/** An unknown word about TLS is refused: passed over, it could leave a connection open that was meant to be safe. */
const tlsProblem = (parameters: URLSearchParams): string | undefined => {
  const [mode, ssl, file] = ["sslmode", "ssl", "sslrootcert"].map((name) => parameters.get(name))
  const unknown = [...parameters.keys()].find((name) => /^ssl/i.test(name) && !/^ssl(mode|rootcert)?$/.test(name))
  if (unknown !== undefined)
    return `has ${/^ssl[a-z]{1,20}$/.test(unknown) ? unknown : "a parameter"}, which is not known here: use sslmode and sslrootcert`
  if (typeof mode === "string" && !tlsModes.includes(mode))
    return `has an sslmode that is none of ${tlsModes.join(", ")}`
  if (typeof ssl === "string" && !/^(true|false|0|1)$/.test(ssl)) return "has an ssl that is neither true nor false"
  if (typeof mode === "string" && typeof ssl === "string") return "has both ssl and sslmode: keep sslmode"
  const isVerified = typeof mode === "string" ? /^(require|verify-)/.test(mode) : !/^(false|0)$/.test(ssl ?? "")
  return typeof file === "string" && !isVerified
    ? "has an sslrootcert, and does not have the certificate verified: use sslmode=verify-full"
    : undefined
}

const isEncoded = (url: URL): boolean =>
  [url.username, url.password, url.pathname].every((part) => !/%(?![0-9a-f]{2})/i.test(part))

const parseUrl = (text: string, protocols: ReadonlyArray<string>): URL | undefined => {
  if (!URL.canParse(text) || text.includes("?") || text.includes("#")) return undefined
  const url = new URL(text)
  if (!protocols.includes(url.protocol) || !/^\w+:\/\//.test(text)) return undefined
  if (url.pathname !== "/") url.pathname = url.pathname.replace(/\/+$/, "")
  return url
}
