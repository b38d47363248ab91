import { Predicate } from "effect"
import type { SqlError } from "effect/sql"
import { isUntrusted } from "../feed/certificate.ts"

/** What PostgreSQL, or the operating system on the way to it, said. `code` is an SQLSTATE or an errno name. */
export interface SqlFailure {
  readonly code: string | undefined
  readonly detail: string
  /** The name of the constraint that was violated. */
  readonly constraint?: string | undefined
}

/** The innermost cause of an error of the client. */
export const sqlFailure = (error: SqlError.SqlError): SqlFailure => {
  let cause: unknown = error.reason
  while (Predicate.hasProperty(cause, "cause") && cause.cause !== undefined) cause = cause.cause
  const field = (name: string): string | undefined =>
    Predicate.hasProperty(cause, name) && typeof cause[name] === "string" ? cause[name] : undefined
  return { code: field("code"), detail: field("message") ?? String(cause), constraint: field("constraint") }
}

/**
 * Whether the values themselves were refused, so that the same row will be refused again: class 22 (data exception) and class 23
 * (integrity violation) of https://www.postgresql.org/docs/current/errcodes-appendix.html. Everything else, a missing table or
 * a full disk included, is a state of the server that somebody can mend while the rows wait.
 */
export const refusesRow = (failure: SqlFailure): boolean =>
  failure.code !== undefined && /^2[23]...$/.test(failure.code) && !foundPartitionMade(failure)

/**
 * Whether the row was on its way to a partition that holds it no more, since another one was made for it meanwhile: the bounds of a
 * partition are a check without a name. Written again, it goes to the right one.
 */
export const foundPartitionMade = ({ code, constraint }: SqlFailure): boolean =>
  code === "23514" && constraint === undefined

/** Whether TLS was asked for, and the server has none: in the words of the client. */
export const speaksNoTls = ({ detail }: SqlFailure): boolean => detail === "The server does not support TLS"

/** Whether trying again soon, without anybody doing anything, may succeed: the server is starting, stopping, full or out of reach. */
export const isTransient = (error: SqlError.SqlError): boolean => {
  const failure = sqlFailure(error)
  const { code } = failure
  if (isUntrusted(code) || speaksNoTls(failure)) return false
  if (error.reason.isRetryable) return true
  return code !== undefined && /^(08|53|57P|58|40)/.test(code)
}
