/** Round numbers from 0 to at least the highest value, about as many as asked for: where a person wants to read an axis. */
export const ticksTo = (highest: number, about: number): ReadonlyArray<number> => {
  const rough = (highest > 0 ? highest : 1) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10)
  const count = Math.ceil((highest > 0 ? highest : 1) / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}
