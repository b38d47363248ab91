const avalanche = (value: number): number => {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** 32 well-mixed bits of a key and a non-negative safe integer; the same on every machine. */
export const hash = (key: number, value: number): number =>
  avalanche(avalanche(key ^ Math.imul(value >>> 0, 0x9e3779b1)) ^ Math.imul(Math.floor(value / 4294967296), 0x27d4eb2f))

/** As {@link hash}, as a fraction in [0, 1). */
export const fraction = (key: number, value: number): number => hash(key, value) / 4294967296

/** A key of its own for each purpose, from a text. */
export const keyOf = (text: string): number => {
  let h = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  }
  return avalanche(h)
}
