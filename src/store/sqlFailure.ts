import { Predicate } from "effect"
import type { SqlError } from "effect/sql"

/** What PostgreSQL, or the operating system on the way to it, said. `code` is an SQLSTATE or an errno name. */
export interface SqlFailure {
  readonly code: string | undefined
  readonly detail: string
}

/** The innermost cause of an error of the client. */
export const sqlFailure = (error: SqlError.SqlError): SqlFailure => {
  let cause: unknown = error.reason
  while (Predicate.hasProperty(cause, "cause") && cause.cause !== undefined) cause = cause.cause
  return {
    code: Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined,
    detail:
      Predicate.hasProperty(cause, "message") && typeof cause.message === "string" ? cause.message : String(cause),
  }
}

/**
 * Whether the values themselves were refused, so that the same row will be refused again: class 22 (data exception) and class 23
 * (integrity violation) of https://www.postgresql.org/docs/current/errcodes-appendix.html. Everything else, a missing table or
 * a full disk included, is a state of the server that somebody can mend while the rows wait.
 */
export const refusesRow = ({ code }: SqlFailure): boolean => code !== undefined && /^2[23]...$/.test(code)

/** Whether trying again soon, without anybody doing anything, may succeed: the server is starting, stopping, full or out of reach. */
export const isTransient = (error: SqlError.SqlError): boolean => {
  if (error.reason.isRetryable) return true
  const { code } = sqlFailure(error)
  return code !== undefined && /^(08|53|57P|58|40)/.test(code)
}
