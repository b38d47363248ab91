import type { PipelineState } from "../ingest/Ingest.ts"

/** What there is to say about the pipeline, by what it is doing. */
export const pipelineDetail: Readonly<Record<PipelineState["name"], string>> = {
  starting: "No trade is being stored yet: the service is starting. Its log says what it waits for, should it stay so.",
  running: "The pipeline from the exchange to the database runs.",
  stopping: "The service was asked to stop: what it received is written, and nothing new is taken.",
  ended:
    "The pipeline ended by itself, and no trade is being stored: its log says why. Restart the service; what is missed is fetched then.",
}
