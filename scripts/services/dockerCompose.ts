import { join } from "node:path"
import { cacheOf, type DebianPackages, fetched, unpacked, wrapped } from "./DebianPackages.ts"

const packages: DebianPackages = { release: "trixie", names: ["docker-compose"], without: ["docker-cli", "docker.io"] }

/** The path of Debian's docker-compose, which reads files without an engine; put into a folder of the run. Throws Unavailable. */
export const dockerCompose = (folder: string): string => {
  unpacked(fetched(packages, cacheOf("docker-compose", packages)), folder)
  return wrapped(join(folder, "usr/libexec/docker/cli-plugins/docker-compose"), folder)
}
