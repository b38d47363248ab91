import { type Server } from "node:http"
import { type Socket } from "node:net"

/** Requests that one connection has under way: a client that sends more before it reads an answer means no good. */
const MOST_AT_ONCE = 16

/**
 * Keeps the open connections of an HTTP server at a number of them: a new one is always taken, and ends the one that has been waiting
 * for its client for the longest time, or else the one that has been answered for the longest time. So whoever opens thousands of
 * connections and is silent ends their own, and somebody else is answered.
 */
export const limitConnections = (server: Server, most: number): void => {
  /** Between two requests, or in the middle of one that is still to come; the one that waits longest first. */
  const waiting = new Set<Socket>()
  /** How many requests of each are being answered; the one that began first is first. */
  const answering = new Map<Socket, number>()

  const forget = (socket: Socket): void => {
    waiting.delete(socket)
    answering.delete(socket)
  }

  server.on("connection", (socket: Socket) => {
    waiting.add(socket)
    socket.once("close", () => forget(socket))
    if (waiting.size + answering.size <= most) return
    const [longest = answering.keys().next().value] = waiting
    if (longest === undefined) return
    forget(longest)
    longest.destroy()
  })

  server.prependListener("request", ({ socket }, response) => {
    const requests = (answering.get(socket) ?? 0) + 1
    waiting.delete(socket)
    answering.set(socket, requests)
    if (requests > MOST_AT_ONCE) socket.destroy()
    response.once("close", () => {
      const left = (answering.get(socket) ?? 0) - 1
      if (left > 0) answering.set(socket, left)
      else if (answering.delete(socket) && !socket.destroyed) waiting.add(socket)
    })
  })
}
