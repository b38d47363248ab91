import { Schema } from "effect"
import { decoded } from "./files.ts"

const Strings = Schema.Array(Schema.String)

const Service = Schema.Struct({
  image: Schema.String,
  build: Schema.optional(Schema.String),
  profiles: Schema.optional(Strings),
  user: Schema.optional(Schema.String),
  command: Schema.optional(Strings),
  environment: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  depends_on: Schema.optional(Schema.Record(Schema.String, Schema.Struct({ condition: Schema.String }))),
  volumes: Schema.optional(Strings),
  tmpfs: Schema.optional(Strings),
  ports: Schema.optional(Strings),
  healthcheck: Schema.optional(Schema.Struct({ test: Strings })),
  mem_limit: Schema.String,
  restart: Schema.String,
  security_opt: Strings,
  cap_drop: Schema.optional(Strings),
  read_only: Schema.optional(Schema.Boolean),
  stop_grace_period: Schema.optional(Schema.String),
  logging: Schema.Struct({ options: Schema.Record(Schema.String, Schema.String) }),
})
export type Service = typeof Service.Type

const Compose = Schema.Struct({
  "x-warned-of": Strings,
  services: Schema.Record(Schema.String, Service),
  volumes: Schema.Record(Schema.String, Schema.Null),
})

/** docker-compose.yml, with its merged parts, before variables are put in. */
export const compose = decoded("docker-compose.yml", Compose)

/** A service of it by name. */
export const service = (name: string): Service => {
  const found = compose.services[name]
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`)
  return found
}

/** Where a container listens: the part of `127.0.0.1:${PORT:-3000}:3000` behind the last colon. */
export const containerPorts = ({ ports = [] }: Service): ReadonlyArray<string> =>
  ports.map((port) => port.split(":").at(-1) ?? "")

/** From where in the project to where in the container. */
export const mounts = ({ volumes = [] }: Service): ReadonlyArray<{ readonly from: string; readonly to: string }> =>
  volumes.map((volume) => {
    const [from = "", to = ""] = volume.split(":")
    return { from, to }
  })
