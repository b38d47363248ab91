import { spawnSync } from "node:child_process"
import { existsSync, readlinkSync, lstatSync } from "node:fs"
import { join } from "node:path"
import { unprivileged } from "../../scripts/services/account.ts"
import * as dockerfile from "./dockerfile.ts"

/** The machine's own programs and libraries, which stand for those of the image's base. */
const system = (): ReadonlyArray<string> =>
  ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"].flatMap((path) => {
    if (!existsSync(path)) return []
    return lstatSync(path).isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path]
  })

const words = (text: string): ReadonlyArray<string> => text.split(" ")

/** Drops what root may do, where root runs the tests. */
const asNobody = (): ReadonlyArray<string> => {
  const user = unprivileged()
  return user === undefined ? [] : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"]
}

/**
 * What stands before a command that runs as in the image: as an unprivileged user without capabilities, as process 1, on a root that
 * is read-only, with `/data` to write to and the variables of the image.
 */
export const sandboxed = (bwrap: string, folder: string, env: Readonly<Record<string, string>> = {}) => [
  ...asNobody(),
  bwrap,
  ...system(),
  ...words(
    `--ro-bind ${join(folder, "app")} /app --ro-bind ${join(folder, "bin")} /image/bin --bind ${join(folder, "data")} /data`,
  ),
  ...words("--proc /proc --dev /dev --remount-ro / --chdir /app"),
  ...words("--unshare-pid --as-pid-1 --unshare-ipc --die-with-parent --clearenv"),
  ...Object.entries({ PATH: "/image/bin:/usr/bin:/bin", HOME: "/", ...dockerfile.environment, ...env }).flatMap(
    ([name, value]) => ["--setenv", name, value],
  ),
]

/** Why nothing can run so on this machine, or undefined where it can. */
export const refusal = (bwrap: string): string | undefined => {
  const [file = "", ...args] = [...asNobody(), bwrap, "--ro-bind", "/", "/", "--unshare-pid", "true"]
  const { error, status, stderr } = spawnSync(file, args, { encoding: "utf8" })
  return status === 0 ? undefined : `user namespaces are not to be had: ${error?.message ?? stderr.trim()}`
}
