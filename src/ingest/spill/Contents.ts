import { Schema } from "effect"

/** What a spill holds, and whose it is: the first record of its file, changed in the same transactions as the entries. */
const Contents = Schema.Struct({
  version: Schema.Literal(1),
  market: Schema.String,
  database: Schema.String,
  /** Tells this file from those before and after it. */
  generation: Schema.String,
  /** The key of the oldest entry, and the one that the next entry gets. A key is never given twice. */
  first: Schema.Int,
  next: Schema.Int,
  trades: Schema.Int,
  bytes: Schema.Int,
})
export type Contents = typeof Contents.Type

/** The key of this record; those of entries are higher. */
export const CONTENTS_KEY = 0

const Stored = Schema.fromJsonString(Contents)

const decode = Schema.decodeUnknownSync(Stored)

export const isEmpty = ({ first, next }: Contents): boolean => first === next

/** Throws when the record is not one. */
export const readContents = (bytes: Buffer): Contents => decode(bytes.toString())

export const writeContents = (contents: Contents): Buffer => Buffer.from(JSON.stringify(contents))
