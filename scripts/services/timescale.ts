import { join } from "node:path"
import { cacheOf, type DebianPackages, fetched, unpacked, wrapped } from "./DebianPackages.ts"
import { type Flavour } from "./Flavour.ts"

const packages: DebianPackages = {
  release: "trixie",
  names: ["postgresql-17", "postgresql-17-timescaledb"],
  without: ["debconf", "libllvm19", "locales", "postgresql-client-17", "postgresql-common", "ssl-cert", "tzdata"],
}

/** Debian's TimescaleDB (Apache edition), which runs from a folder: no container, nothing installed, no root. */
export const timescale: Flavour = {
  name: "TimescaleDB",
  programs: (folder) => programs(join(folder, "debian")),
  settings: {
    shared_preload_libraries: "timescaledb",
    "timescaledb.telemetry_level": "off",
    // The compiler is left out: a third of all bytes.
    jit: "off",
  },
  extensions: ["timescaledb"],
}

const programs = (folder: string): string => {
  unpacked(fetched(packages, cacheOf("timescaledb", packages)), folder)
  const bin = join(folder, "usr/lib/postgresql/17/bin")
  for (const program of ["initdb", "postgres"]) wrapped(join(bin, program), folder)
  return bin
}
