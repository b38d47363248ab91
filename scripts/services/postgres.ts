import { spawnSync, type SpawnSyncReturns } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { isRoot } from "./account.ts"
import { type Flavour } from "./Flavour.ts"
import { say } from "./say.ts"
import { Unavailable } from "./Unavailable.ts"

const debian = "/usr/lib/postgresql"

/** Debian's PostgreSQL, as it is installed or can be. */
export const postgres: Flavour = {
  name: "PostgreSQL",
  programs: () => installedPrograms() ?? install(),
  settings: {},
  extensions: [],
}

/** The folder of the newest server that is installed the way Debian does it. */
const installedPrograms = (): string | undefined => {
  const versions = existsSync(debian) ? readdirSync(debian).filter((name) => /^\d+$/.test(name)) : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")) && existsSync(join(bin, "postgres")))
}

const install = (): string => {
  if (!existsSync("/usr/bin/apt-get")) throw new Unavailable("This machine has no PostgreSQL server and no apt-get.")
  if (!isRoot && spawnSync("sudo", ["-n", "true"]).status !== 0)
    throw new Unavailable("This machine has no PostgreSQL server, and only root may install one.")
  say("Installing the package postgresql …")
  // Debian's package would make and start a server of its own on port 5432; nobody asked for that one.
  const settings = "/etc/postgresql-common/createcluster.conf"
  const done = asRoot(
    `set -e
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e ${settings} ]; then
      mkdir -p "$(dirname ${settings})"
      echo 'create_main_cluster = false' > ${settings}
      # Afterwards the package's own settings stand there, as if it had been installed by hand.
      trap 'rm ${settings}; if [ -e ${settings}.ucf-dist ]; then mv ${settings}.ucf-dist ${settings}; fi' EXIT
    fi
    apt-get update
    apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold postgresql`,
  )
  if (done.status !== 0) throw Unavailable.after("The package postgresql could not be installed", done)
  const bin = installedPrograms()
  if (bin === undefined) throw new Unavailable(`The package postgresql brought no server below ${debian}.`)
  return bin
}

const asRoot = (script: string): SpawnSyncReturns<string> => {
  const [file = "", ...args] = [...(isRoot ? [] : ["sudo", "-n"]), "sh", "-c", script]
  return spawnSync(file, args, { encoding: "utf8" })
}
