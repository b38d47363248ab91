import { Schema } from "effect"
import { decoded } from "./files.ts"

const Strings = Schema.Record(Schema.String, Schema.String)

/** The rules of alerts.yml. */
export const rules = decoded(
  "deploy/prometheus/alerts.yml",
  Schema.Struct({
    groups: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        rules: Schema.Array(
          Schema.Struct({
            alert: Schema.String,
            expr: Schema.String,
            for: Schema.optionalKey(Schema.String),
            labels: Strings,
            annotations: Strings,
          }),
        ),
      }),
    ),
  }),
).groups.flatMap(({ rules }) => rules)

/** The groups of alerts.test.yml. */
export const { tests } = decoded(
  "deploy/prometheus/alerts.test.yml",
  Schema.Struct({
    tests: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        interval: Schema.String,
        input_series: Schema.Array(Schema.Struct({ series: Schema.String, values: Schema.String })),
        alert_rule_test: Schema.Array(
          Schema.Struct({
            eval_time: Schema.String,
            alertname: Schema.String,
            exp_alerts: Schema.Array(Schema.Struct({ exp_labels: Strings, exp_annotations: Strings })),
          }),
        ),
      }),
    ),
  }),
)

/** What is said there of each alert and moment: how many are raised. */
export const checks = tests.flatMap(({ alert_rule_test }) =>
  alert_rule_test.map(({ alertname, exp_alerts }) => ({ alert: alertname, raised: exp_alerts.length })),
)
