/** How many units make one: prices and quantities are integers of 10^-8. */
export const SCALE = 100_000_000

/** A non-negative number of units, a safe integer, as Binance writes it: always 8 decimals. */
export const decimalOfUnits = (units: number): string => {
  const whole = Math.floor(units / SCALE)
  return `${whole}.${String(units - whole * SCALE + SCALE).slice(1)}`
}

/** As {@link decimalOfUnits}, for numbers beyond the safe integers. */
export const decimalOfBigUnits = (units: bigint): string => {
  const digits = units.toString().padStart(9, "0")
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`
}

/** The units of a decimal string with at most 8 decimals; undefined when it is none. */
export const unitsOfDecimal = (text: string): bigint | undefined => {
  const match = /^(\d+)(?:\.(\d{1,8}))?$/.exec(text)
  return match === null ? undefined : BigInt(`${match[1]}${(match[2] ?? "").padEnd(8, "0")}`)
}
