const ZERO = 48
const NINE = 57
const DOT = 46

/**
 * Whether a price or quantity, as the exchange wrote it, is kept to the last digit: `NUMERIC(20,8)` holds 12 digits and 8 decimals, and
 * PostgreSQL would round a ninth one without a word.
 */
export const isStorable = (decimal: string): boolean => {
  const { length } = decimal
  const whole = digitsFrom(decimal, 0)
  if (whole === 0 || whole > 12) return false
  if (whole === length) return true
  return (
    decimal.charCodeAt(whole) === DOT && length <= whole + 9 && digitsFrom(decimal, whole + 1) === length - whole - 1
  )
}

const digitsFrom = (text: string, from: number): number => {
  let at = from
  for (let code = text.charCodeAt(at); code >= ZERO && code <= NINE; code = text.charCodeAt(at)) at++
  return at - from
}

/** Whether two decimals are the same number: they are compared as text, and only zeros at the end of decimals do not count. */
export const isSameDecimal = (one: string, other: string): boolean => withoutEnd(one) === withoutEnd(other)

const withoutEnd = (decimal: string): string => (decimal.includes(".") ? decimal.replace(/\.?0*$/, "") : decimal)
