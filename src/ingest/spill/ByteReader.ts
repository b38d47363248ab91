/** Reads what a ByteWriter wrote; throws a RangeError where the bytes end too early or are no number. */
export class ByteReader {
  private readonly buffer: Buffer
  private position = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  get isAtEnd(): boolean {
    return this.position === this.buffer.length
  }

  byte(): number {
    return this.buffer.readUInt8(this.skip(1))
  }

  float(): number {
    return this.buffer.readDoubleLE(this.skip(8))
  }

  integer(): number {
    let value = 0
    for (let factor = 1; factor <= 128 ** 7; factor *= 128) {
      const byte = this.byte()
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
    throw new RangeError("a number has too many bytes")
  }

  text(): string {
    const length = this.integer()
    const start = this.skip(length)
    return this.buffer.toString("utf8", start, start + length)
  }

  private skip(bytes: number): number {
    const start = this.position
    if (start + bytes > this.buffer.length) throw new RangeError("it ends too early")
    this.position = start + bytes
    return start
  }
}
