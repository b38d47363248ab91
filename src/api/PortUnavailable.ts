import { Schema } from "effect"

/** The service cannot listen where it was told to. */
export class PortUnavailable extends Schema.TaggedError<PortUnavailable>()("PortUnavailable", {
  host: Schema.String,
  port: Schema.Int,
  /** An errno name, such as EADDRINUSE. */
  code: Schema.String,
}) {
  override get message(): string {
    const { code, host, port } = this
    switch (code) {
      case "EADDRINUSE":
        return `Port ${port} on ${host} is taken by another program: stop it or set PORT.`
      case "EACCES":
        return `Port ${port} on ${host} is for privileged users only: set PORT to 1024 or above.`
      case "EADDRNOTAVAIL":
        return `${host} is not an address of this machine: set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.`
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return `${host} is not a host name that resolves: set HOST to an address of this machine, such as 127.0.0.1.`
      default:
        return `Port ${port} on ${host} cannot be listened on (${code}): set HOST and PORT.`
    }
  }
}
