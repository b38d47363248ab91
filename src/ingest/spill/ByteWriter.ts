/** Writes numbers and texts one after the other into one buffer. */
export class ByteWriter {
  private readonly buffer: Buffer
  private position = 0

  /** `capacity` bytes are enough for all that will be written. */
  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  byte(value: number): void {
    this.position = this.buffer.writeUInt8(value, this.position)
  }

  float(value: number): void {
    this.position = this.buffer.writeDoubleLE(value, this.position)
  }

  /** A safe integer from 0 in 1 to 8 bytes, 7 bits in each, the low ones first. */
  integer(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not an integer from 0 to 2^53`)
    let rest = value
    while (rest >= 128) {
      this.buffer[this.position++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.position++] = rest
  }

  text(value: string): void {
    this.integer(Buffer.byteLength(value))
    this.position += this.buffer.write(value, this.position)
  }

  written(): Buffer {
    return this.buffer.subarray(0, this.position)
  }
}
