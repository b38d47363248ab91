import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"

type Fields = Schema.Struct.Fields & { readonly status: Schema.Top }

/** The same body with 200 where its status is up, with 503 where it is down, so that probes need not read it. */
export const upOrDown = <const F extends Fields>(name: string, what: string, fields: F) => {
  const { status: _, ...others } = fields
  return [
    Schema.Struct({ status: Schema.Literal("up"), ...others }).annotate({
      identifier: `${name}Up`,
      description: `${what} is up`,
    }),
    Schema.Struct({ status: Schema.Literal("down"), ...others })
      .annotate({ identifier: `${name}Down`, description: `${what} is down` })
      .pipe(HttpApiSchema.status(503)),
  ] as const
}

/** The same, and 200 where it is degraded. */
export const upDegradedOrDown = <const F extends Fields>(name: string, what: string, fields: F) => {
  const { status: _, ...others } = fields
  return [
    ...upOrDown(name, what, fields),
    Schema.Struct({ status: Schema.Literal("degraded"), ...others }).annotate({
      identifier: `${name}Degraded`,
      description: `${what} works, and something is wrong`,
    }),
  ] as const
}
