/** What `NUMERIC(20,8)` holds exactly. PostgreSQL would round a ninth decimal without a word. */
const STORABLE = /^\d{1,12}(?:\.\d{0,8})?$/

/** Whether a price or quantity, as the exchange wrote it, is kept to the last digit. */
export const isStorable = (decimal: string): boolean => STORABLE.test(decimal)

/** Whether two decimals are the same number: they are compared as text, and only zeros at the end of decimals do not count. */
export const isSameDecimal = (one: string, other: string): boolean => withoutEnd(one) === withoutEnd(other)

const withoutEnd = (decimal: string): string => (decimal.includes(".") ? decimal.replace(/\.?0*$/, "") : decimal)
