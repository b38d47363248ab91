const byte = (value: number): string => String.fromCharCode(value & 255)

/** A whole unmasked text frame around a payload that is a binary string, as a binary string. */
export const textFrame = (payload: string): string => {
  const length = payload.length
  if (length < 126) {
    return `\x81${byte(length)}${payload}`
  }
  if (length < 65_536) {
    return `\x81\x7e${byte(length >>> 8)}${byte(length)}${payload}`
  }
  return `\x81\x7f\0\0\0\0${byte(length >>> 24)}${byte(length >>> 16)}${byte(length >>> 8)}${byte(length)}${payload}`
}

/** The bytes of a text's UTF-8, a character each. */
export const binaryString = (text: string): string => Buffer.from(text, "utf8").toString("latin1")
