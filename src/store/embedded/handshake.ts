import { Effect } from "effect"
import { connect } from "node:net"

/** Begins a PostgreSQL session at 127.0.0.1 and leaves at the server's first answer: true when it accepts sessions. */
export const handshake = (port: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const socket = connect({ host: "127.0.0.1", port })
    const end = (accepts: boolean) => {
      socket.destroy()
      resume(Effect.succeed(accepts))
    }
    socket.setTimeout(2_000, () => end(false))
    socket.once("connect", () => socket.write(startup))
    socket.once("data", (answer) => end(accepts(answer)))
    socket.once("error", () => end(false))
    socket.once("close", () => end(false))
    return Effect.sync(() => socket.destroy())
  })

/** The startup message: length, protocol 3.0, then names and values that end with a zero. */
const startup = (() => {
  const parameters = Buffer.from("user\0fulltape\0database\0fulltape\0\0")
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + parameters.length, 0)
  head.writeInt32BE(3 << 16, 4)
  return Buffer.concat([head, parameters])
})()

/** R: it asks for the password. E with 57P03: it is starting, recovering or stopping; another error is an answer, too. */
const accepts = (answer: Buffer): boolean => answer[0] === 0x52 || (answer[0] === 0x45 && !answer.includes("C57P03\0"))
