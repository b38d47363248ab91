import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, readdirSync, renameSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { type DebianPackages, fetched } from "./DebianPackages.ts"
import { type Flavour } from "./Flavour.ts"
import { Unavailable } from "./Unavailable.ts"

const packages: DebianPackages = {
  release: "trixie",
  names: ["postgresql-17", "postgresql-17-timescaledb"],
  without: ["debconf", "libllvm19", "locales", "postgresql-client-17", "postgresql-common", "ssl-cert", "tzdata"],
}

/** Debian's TimescaleDB (Apache edition), which runs from a folder: no container, nothing installed, no root. */
export const timescale: Flavour = {
  name: "TimescaleDB",
  programs: (folder) => unpack(fetched(packages, cache()), join(folder, "debian")),
  settings: {
    shared_preload_libraries: "timescaledb",
    "timescaledb.telemetry_level": "off",
    // The compiler is left out: a third of all bytes.
    jit: "off",
  },
  extensions: ["timescaledb"],
}

/** Not in node_modules, which `npm ci` empties. */
const cache = (): string =>
  join(
    process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
    "fulltape",
    `timescaledb-${packages.release}-${process.arch}`,
  )

const unpack = (files: ReadonlyArray<string>, folder: string): string => {
  for (const file of files) {
    const done = spawnSync("dpkg-deb", ["--extract", file, folder], { encoding: "utf8" })
    if (done.status !== 0) throw Unavailable.after(`${file} could not be unpacked`, done)
  }
  const bin = join(folder, "usr/lib/postgresql/17/bin")
  for (const program of ["initdb", "postgres"]) wrap(join(bin, program), folder)
  return bin
}

/** Makes a program run with the libraries of the folder, the C library included, whatever the machine's are. */
const wrap = (program: string, folder: string): void => {
  const libraries = readdirSync(join(folder, "usr/lib"))
    .map((name) => join(folder, "usr/lib", name))
    .find((path) => existsSync(join(path, "libc.so.6")))
  const loader = libraries && readdirSync(libraries).find((name) => name.startsWith("ld-linux"))
  if (libraries === undefined || loader === undefined) throw new Unavailable(`There is no C library in ${folder}.`)
  renameSync(program, `${program}.elf`)
  const command = [join(libraries, loader), "--library-path", libraries, "--argv0", program, `${program}.elf`]
  writeFileSync(program, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`)
  chmodSync(program, 0o755)
}
