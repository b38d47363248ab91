import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { say } from "./say.ts"
import { Unavailable } from "./Unavailable.ts"

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

/** Packages of a Debian release, which need not be the machine's. */
export interface DebianPackages {
  readonly release: string
  readonly names: ReadonlyArray<string>
  /** What they depend on and the use made of them does not. */
  readonly without: ReadonlyArray<string>
}

/** Where packages are kept from run to run: not in node_modules, which `npm ci` empties. */
export const cacheOf = (name: string, { release }: DebianPackages): string =>
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "fulltape", `${name}-${release}-${process.arch}`)

/**
 * The files of the packages and of all that they depend on, in the folder `cache`, fetched unless they are there.
 *
 * apt does it, with a state of its own: nothing is installed, nobody has to be root, and the machine's own packages do not
 * matter. It asks the mirrors that the machine is set up for, and takes what the Debian archive has signed.
 */
export const fetched = (packages: DebianPackages, cache: string): ReadonlyArray<string> => {
  if (!existsSync(cache)) fetchInto(cache, packages)
  return readdirSync(cache)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(cache, name))
}

const fetchInto = (cache: string, packages: DebianPackages): void => {
  if (!existsSync("/usr/bin/apt-get")) throw new Unavailable("This machine has no apt-get to fetch packages with.")
  if (!existsSync(keyring)) throw new Unavailable(`This machine has no ${keyring} to check packages with.`)
  const folder = folderBeside(cache)
  try {
    say(`Fetching ${packages.names.join(" and ")} of Debian ${packages.release} …`)
    fetch(folder, packages)
    renameSync(join(folder, "archives"), cache)
  } catch (error) {
    // Another run was faster: its files are as good.
    if (!existsSync(cache)) throw error
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const folderBeside = (cache: string): string => {
  try {
    mkdirSync(dirname(cache), { recursive: true })
    return mkdtempSync(`${cache}-`)
  } catch (error) {
    throw new Unavailable(
      `${dirname(cache)} cannot be written (${String(error)}); XDG_CACHE_HOME may name another place.`,
    )
  }
}

const fetch = (folder: string, { release, names, without }: DebianPackages): void => {
  const apt = (...args: ReadonlyArray<string>) =>
    spawnSync("apt-get", ["-c", join(folder, "apt.conf"), ...args], { encoding: "utf8" })
  const file = (name: string, lines: ReadonlyArray<string>) =>
    writeFileSync(join(folder, name), `${lines.join("\n")}\n`)
  for (const name of ["lists", "archives"]) mkdirSync(join(folder, name, "partial"), { recursive: true })
  file("apt.conf", configuration(folder))
  file("status", without.flatMap(installed))

  const failed = []
  for (const mirror of mirrors()) {
    file("sources.list", [`deb [signed-by=${keyring} target=Packages] ${mirror} ${release} main`])
    const updated = apt("update")
    if (updated.status !== 0) {
      failed.push(Unavailable.after(`${mirror} has no Debian ${release}`, updated))
      continue
    }
    const done = apt("install", "--yes", "--no-install-recommends", "--download-only", ...names)
    if (done.status === 0) return
    failed.push(Unavailable.after(`Debian's ${names.join(" and ")} could not be fetched`, done))
  }
  throw failed[0] ?? new Unavailable("The machine's apt is set up for no mirror.")
}

/** What the machine's apt asks, with places that are Debian's by their name first. */
const mirrors = (): ReadonlyArray<string> => {
  const { stdout } = spawnSync("apt-get", ["update", "--print-uris"], { encoding: "utf8" })
  const found = [...stdout.matchAll(/^'(\S+)\/dists\/[^']+\/InRelease'/gm)].map(([, mirror = ""]) => mirror)
  const isDebian = (mirror: string) => Number(mirror.endsWith("/debian"))
  return [...new Set(found)].sort((a, b) => isDebian(b) - isDebian(a))
}

const configuration = (folder: string): ReadonlyArray<string> => [
  `Dir::State "${folder}";`,
  `Dir::State::status "${join(folder, "status")}";`,
  `Dir::Cache "${folder}";`,
  `Dir::Etc::sourcelist "${join(folder, "sources.list")}";`,
  ...["sourceparts", "preferences", "preferencesparts"].map((name) => `Dir::Etc::${name} "/dev/null";`),
  // What the machine does after an update of its own is not to happen here.
  "#clear APT::Update;",
  'APT::Update::Error-Mode "any";',
  'APT::Default-Release "";',
  'APT::Get::AllowUnauthenticated "false";',
  'Acquire::AllowInsecureRepositories "false";',
  'Acquire::Languages "none";',
  'Acquire::http::Timeout "20";',
  'Acquire::https::Timeout "20";',
]

/** An entry of dpkg's status that keeps apt from fetching the package. */
const installed = (name: string): ReadonlyArray<string> => [
  `Package: ${name}`,
  "Status: install ok installed",
  "Version: 99:0",
  "Architecture: all",
  "Maintainer: nobody",
  "Description: not needed",
  "",
]

/** Puts what packages hold into a folder. */
export const unpacked = (files: ReadonlyArray<string>, folder: string): void => {
  for (const file of files) {
    const done = spawnSync("dpkg-deb", ["--extract", file, folder], { encoding: "utf8" })
    if (done.status !== 0) throw Unavailable.after(`${file} could not be unpacked`, done)
  }
}

/** Makes a program run with the libraries of the folder, the C library included, whatever the machine's are; gives its path. */
export const wrapped = (program: string, folder: string): string => {
  const libraries = readdirSync(join(folder, "usr/lib"))
    .map((name) => join(folder, "usr/lib", name))
    .find((path) => existsSync(join(path, "libc.so.6")))
  const loader = libraries && readdirSync(libraries).find((name) => name.startsWith("ld-linux"))
  if (libraries === undefined || loader === undefined) throw new Unavailable(`There is no C library in ${folder}.`)
  renameSync(program, `${program}.elf`)
  const command = [join(libraries, loader), "--library-path", libraries, "--argv0", program, `${program}.elf`]
  writeFileSync(program, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`)
  chmodSync(program, 0o755)
  return program
}
