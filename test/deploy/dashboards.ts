import { Schema } from "effect"
import { decoded } from "./files.ts"

const Target = Schema.Struct({ datasource: Schema.Struct({ uid: Schema.String }), expr: Schema.String })

const Panel = Schema.Struct({
  id: Schema.Int,
  type: Schema.String,
  title: Schema.String,
  description: Schema.optional(Schema.String),
  gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
  targets: Schema.optional(Schema.Array(Target)),
})

const Dashboard = Schema.Struct({
  uid: Schema.String,
  title: Schema.String,
  annotations: Schema.Struct({ list: Schema.Array(Target) }),
  panels: Schema.Array(Panel),
})
export type Dashboard = typeof Dashboard.Type

/** The dashboards by the name of their file. */
export const dashboards: Readonly<Record<string, Dashboard>> = Object.fromEntries(
  ["complete", "fast"].map((name) => [name, decoded(`deploy/grafana/dashboards/${name}.json`, Dashboard)]),
)

/** All that a dashboard asks Prometheus. */
export const targetsOf = ({ annotations, panels }: Dashboard): ReadonlyArray<typeof Target.Type> => [
  ...annotations.list,
  ...panels.flatMap(({ targets = [] }) => targets),
]
