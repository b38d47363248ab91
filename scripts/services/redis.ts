import { join } from "node:path"
import { cacheOf, type DebianPackages, fetched, unpacked, wrapped } from "./DebianPackages.ts"

const packages: DebianPackages = {
  release: "trixie",
  names: ["redis-server"],
  without: ["adduser", "debconf", "init-system-helpers", "lsb-base", "netbase", "procps", "sysvinit-utils"],
}

/** The path of Debian's redis-server, put into a folder of the run: nothing is installed, and nobody has to be root. Throws Unavailable. */
export const redisServer = (folder: string): string => {
  unpacked(fetched(packages, cacheOf("redis", packages)), folder)
  return wrapped(join(folder, "usr/bin/redis-server"), folder)
}
