import { join } from "node:path"
import { cacheOf, type DebianPackages, fetched, unpacked, wrapped } from "./DebianPackages.ts"

const packages: DebianPackages = { release: "trixie", names: ["bubblewrap"], without: ["debconf"] }

/** The path of Debian's bwrap, put into a folder of the run: nothing is installed, and nobody has to be root. Throws Unavailable. */
export const bubblewrap = (folder: string): string => {
  unpacked(fetched(packages, cacheOf("bubblewrap", packages)), folder)
  return wrapped(join(folder, "usr/bin/bwrap"), folder)
}
