/** What `NUMERIC(20,8)` holds exactly. PostgreSQL would round a ninth decimal without a word. */
const STORABLE = /^\d{1,12}(?:\.\d{0,8})?$/

/** Whether a price or quantity, as the exchange wrote it, is kept to the last digit. */
export const isStorable = (decimal: string): boolean => STORABLE.test(decimal)
