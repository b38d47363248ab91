import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { cacheOf, type DebianPackages, fetched, unpacked, wrapped } from "./DebianPackages.ts"

const packages: DebianPackages = {
  release: "trixie",
  names: ["prometheus"],
  without: [
    "adduser",
    "fonts-glyphicons-halflings",
    "init-system-helpers",
    "libjs-bootstrap4",
    "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery",
    "libjs-jquery-hotkeys",
    "libjs-moment",
    "libjs-moment-timezone",
    "libjs-mustache",
    "libjs-popper.js",
    "libjs-rickshaw",
  ],
}

/** The paths of Debian's prometheus and promtool, put into a folder of the run: nothing is installed, and nobody has to be root. Throws Unavailable. */
export const prometheusPrograms = (folder: string): ReadonlyArray<string> => {
  mkdirSync(folder, { recursive: true })
  unpacked(fetched(packages, cacheOf("prometheus", packages)), folder)
  return ["prometheus", "promtool"].map((name) => wrapped(join(folder, "usr/bin", name), folder))
}
