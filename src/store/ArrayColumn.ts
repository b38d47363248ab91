import * as PgTypes from "@effect/sql-pg/PgTypes"
import { Result } from "effect"

const ZERO = 48
const DOT = 46

/** Bytes before the first value: dimensions, whether any is null, type of the values, their number, number of the first. */
const HEADER = 20
/** A number of at most 12 digits and 8 decimals: its own length, four fields, five groups of four digits. */
const MOST_NUMERIC = 4 + 8 + 10

/**
 * The values of one column as one array parameter, written as PostgreSQL reads it, value by value, without anything in between
 * (`array_recv` of https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c). Prices and quantities go from
 * their text to the digits of a `NUMERIC` and never become a float.
 */
export class ArrayColumn {
  private readonly oid: number
  private readonly elementOid: number
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly texts = new Map<string, Uint8Array>()
  private at = HEADER
  private count = 0
  private hasNull = false

  private constructor(oid: number, elementOid: number, most: number) {
    this.oid = oid
    this.elementOid = elementOid
    // Not filled with zeros: each byte that is sent was written.
    this.bytes = Buffer.allocUnsafe(HEADER + most)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }

  /** A column of so many integers. */
  static readonly int8 = (count: number) => new ArrayColumn(PgTypes.OID.int8Array, PgTypes.OID.int8, count * 12)

  /** A column of so many numbers that `NUMERIC(20,8)` holds exactly. */
  static readonly numeric = (count: number) =>
    new ArrayColumn(PgTypes.OID.numericArray, PgTypes.OID.numeric, count * MOST_NUMERIC)

  /** A column of so many texts, none of which has more characters than that. */
  static readonly text = (count: number, longest: number) =>
    new ArrayColumn(PgTypes.OID.textArray, PgTypes.OID.text, count * (4 + 3 * longest))

  readonly addNull = (): void => {
    this.hasNull = true
    this.count++
    this.length(-1)
  }

  /** A safe integer. */
  readonly addInteger = (value: number): void => {
    this.count++
    this.length(8)
    this.view.setInt32(this.at, Math.floor(value / 2 ** 32))
    this.view.setUint32(this.at + 4, value)
    this.at += 8
  }

  /** Few different ones are quick. */
  readonly addText = (value: string): void => {
    let bytes = this.texts.get(value)
    if (bytes === undefined) {
      bytes = Buffer.from(value)
      this.texts.set(value, bytes)
    }
    this.count++
    this.length(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** A number that `isStorable` lets through: `numeric_recv` wants its groups of four digits, counted from the decimal point. */
  readonly addDecimal = (decimal: string): void => {
    const dot = decimal.indexOf(".")
    const whole = dot === -1 ? decimal.length : dot
    const start = this.at
    let at = start + 12
    let weight = ((whole + 3) >> 2) - 1
    let written = 0
    let significant = 0
    let group = 0
    let left = whole & 3 || 4
    const end = decimal.length
    for (let place = 0; place < end; place++) {
      const code = decimal.charCodeAt(place)
      if (code === DOT) continue
      group = group * 10 + code - ZERO
      if (--left > 0) {
        if (place + 1 < end) continue
        while (left-- > 0) group *= 10
      }
      if (group === 0 && written === 0) weight--
      else {
        this.view.setUint16(at, group)
        at += 2
        written++
        if (group !== 0) significant = written
      }
      group = 0
      left = 4
    }
    this.count++
    this.length(8 + 2 * significant)
    this.view.setInt16(start + 4, significant)
    this.view.setInt16(start + 6, significant === 0 ? 0 : weight)
    this.view.setInt16(start + 8, 0)
    this.view.setInt16(start + 10, dot === -1 ? 0 : end - dot - 1)
    this.at = start + 12 + 2 * significant
  }

  /** The parameter; nothing may be added any more. */
  readonly parameter = (): PgTypes.Parameter => {
    const { count, view } = this
    view.setInt32(0, count === 0 ? 0 : 1)
    view.setInt32(4, this.hasNull ? 1 : 0)
    view.setInt32(8, this.elementOid)
    view.setInt32(12, count)
    view.setInt32(16, 1)
    // An array of none has no dimension, and nothing behind its type.
    const value = new EncodedArray(this.bytes.subarray(0, count === 0 ? 12 : this.at))
    return { [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId, oid: this.oid, value }
  }

  private length(bytes: number): void {
    this.view.setInt32(this.at, bytes)
    this.at += 4
  }
}

class EncodedArray {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** What a client has to know of types, so that it takes the columns as they are; everything else is as it was. */
export const arrayColumns = (): PgTypes.Registry => {
  const types = PgTypes.makeRegistry()
  for (const oid of [PgTypes.OID.int8Array, PgTypes.OID.numericArray, PgTypes.OID.textArray]) {
    types.register<unknown>(oid, {
      encode: (value) => (value instanceof EncodedArray ? Result.succeed(value.bytes) : PgTypes.encode(value, oid)),
      decode: (bytes) => PgTypes.decode(bytes, oid, 1),
    })
  }
  return types
}
