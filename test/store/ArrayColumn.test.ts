import * as PgTypes from "@effect/sql-pg/PgTypes"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import fc from "fast-check"
import { ArrayColumn, arrayColumns } from "../../src/store/ArrayColumn.ts"

const types = arrayColumns()
const bytesOf = (parameter: PgTypes.Parameter) => Result.getOrThrow(PgTypes.encodeParameter(parameter, types))
const library = (values: ReadonlyArray<unknown>, oid: number) =>
  Result.getOrThrow(PgTypes.encodeParameter(Result.getOrThrow(PgTypes.array(values, oid))))

const filled = <A>(column: ArrayColumn, values: ReadonlyArray<A>, add: (value: A) => void) => {
  for (const value of values) add(value)
  return bytesOf(column.parameter())
}

/** What `NUMERIC(20,8)` holds. */
const decimal = fc.oneof(fc.stringMatching(/^\d{1,12}(\.\d{0,8})?$/), fc.stringMatching(/^0{1,12}(\.0{0,8})?$/))

/** The library's own encoding is the other opinion: the bytes have to be the same. */
describe("ArrayColumn", () => {
  it("writes numbers as the library does", () => {
    fc.assert(
      fc.property(fc.array(decimal), (values) => {
        const column = ArrayColumn.numeric(values.length)
        assert.deepStrictEqual(filled(column, values, column.addDecimal), library(values, PgTypes.OID.numeric))
      }),
      { numRuns: 2_000 },
    )
  })

  it("writes integers as the library does, to the last safe one", () => {
    const integer = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1))
    fc.assert(
      fc.property(fc.array(integer), (values) => {
        const column = ArrayColumn.int8(values.length)
        const expected = library(values.map(BigInt), PgTypes.OID.int8)
        assert.deepStrictEqual(filled(column, values, column.addInteger), expected)
      }),
    )
  })

  it("writes texts as the library does, of any script", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 20 })), (values) => {
        const column = ArrayColumn.text(values.length, Math.max(0, ...values.map(({ length }) => length)))
        assert.deepStrictEqual(filled(column, values, column.addText), library(values, PgTypes.OID.text))
      }),
    )
  })

  it("says that it has a null where it has one", () => {
    const column = ArrayColumn.numeric(3)
    column.addDecimal("1.5")
    column.addNull()
    column.addDecimal("0.00000001")
    assert.deepStrictEqual(bytesOf(column.parameter()), library(["1.5", null, "0.00000001"], PgTypes.OID.numeric))
  })

  it("leaves all other arrays to the library", () => {
    const parameter = Result.getOrThrow(PgTypes.array(["a", null], PgTypes.OID.text))
    assert.deepStrictEqual(bytesOf(parameter), library(["a", null], PgTypes.OID.text))
    const bytes = bytesOf(parameter) ?? new Uint8Array()
    assert.deepStrictEqual(Result.getOrThrow(PgTypes.decode(bytes, PgTypes.OID.textArray, 1, types)), ["a", null])
  })
})
