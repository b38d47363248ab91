import { HttpApi, OpenApi } from "effect/http-api"
import { HealthGroup } from "./HealthGroup.ts"
import { MetricsGroup } from "./MetricsGroup.ts"

/** What others may ask over HTTP. */
export class Api extends HttpApi.make("fulltape")
  .add(HealthGroup, MetricsGroup)
  .annotateMerge(
    OpenApi.annotations({
      title: "Fulltape",
      description:
        "Every Binance trade, exactly once, in your own PostgreSQL: how the service that stores them is doing.",
    }),
  ) {}
