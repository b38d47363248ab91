/** What a fault did when it happened, for the record. */
export type FaultDetail = Readonly<Record<string, unknown>>
