import { Effect } from "effect"
import { existsSync, readFileSync, statSync } from "node:fs"
import { userInfo } from "node:os"
import { type Binaries } from "./binaries.ts"
import { command } from "./command.ts"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { type Folder } from "./Folder.ts"
import { type Account, type RunAs } from "./RunAs.ts"

/** Who is asking, and what is there. */
export interface Situation {
  /** undefined on Windows. */
  readonly uid: number | undefined
  readonly hasName: boolean
  /** The user to whom an existing cluster belongs. */
  readonly cluster: Account | undefined
  /** The user to whom the folder belongs, if he has a name. */
  readonly folder: Account | undefined
  /** Users with a name that could run the server, the best first. */
  readonly accounts: ReadonlyArray<Account>
}

const direct: RunAs = { how: "direct", prefix: [], spawn: {}, owner: undefined }

/** Inside the namespace the process bears another user's number; outside, its files still belong to who started it. */
const namespace = ({ uid, gid }: Account): RunAs => ({
  how: "namespace",
  prefix: ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"],
  spawn: {},
  owner: undefined,
})

const user = (account: Account): RunAs => ({ how: "user", prefix: [], spawn: account, owner: account })

/** Keeps one right of root, to pass through folders that only root may enter: where namespaces are forbidden (Docker). */
const capability = ({ uid, gid }: Account): RunAs => ({
  how: "capability",
  prefix: [
    "setpriv",
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--",
  ],
  spawn: {},
  owner: { uid, gid },
})

/** The ways to try, in this order: the least change of ownership first, and never another owner than the cluster has. */
export const candidates = ({ uid, hasName, cluster, folder, accounts }: Situation): ReadonlyArray<RunAs> => {
  if (uid === undefined) return [direct]
  if (uid !== 0) return hasName || cluster !== undefined ? [direct] : accounts.slice(0, 1).map(namespace)
  const owner = cluster ?? folder
  if (owner !== undefined && owner.uid !== 0) return [user(owner), capability(owner)]
  return [...accounts.slice(0, 1).map(namespace), ...accounts.map(user), ...accounts.slice(0, 1).map(capability)]
}

/** The first way that works here, tried out, and the major version of the binaries. */
export const chooseRunAs = Effect.fnUntraced(function* (folder: Folder, binaries: Binaries) {
  const situation = look(folder)
  if (situation.uid !== undefined && situation.uid !== 0) {
    const owner = situation.cluster?.uid
    if (owner !== undefined && owner !== situation.uid) {
      return yield* new EmbeddedPostgresError({
        reason: "Privileges",
        message: `The embedded database in ${folder.root} belongs to user ${owner} and this is user ${situation.uid}: run Fulltape as the user who made it, or set DATA_DIR to another folder.`,
      })
    }
  }
  let output = ""
  for (const runAs of candidates(situation)) {
    const tried = yield* command({
      runAs,
      file: process.platform === "win32" ? binaries.postgres : "/bin/sh",
      args: process.platform === "win32" ? ["--version"] : ["-c", probe, "sh", folder.root, binaries.postgres],
      env: binaries.env,
    })
    const major = /PostgreSQL\) (\d+)/.exec(tried.output)?.[1]
    if (tried.code === 0 && major !== undefined) return { runAs, major }
    output = tried.output
  }
  const last = output.trim().split("\n").at(-1) ?? ""
  return yield* situation.uid === 0
    ? new EmbeddedPostgresError({
        reason: "Privileges",
        message: `PostgreSQL refuses to run as root, and neither a user namespace nor an unprivileged user could start it for ${folder.root} (${last}): run Fulltape as an ordinary user, or set DATABASE_URL to a PostgreSQL server.`,
      })
    : new EmbeddedPostgresError({
        reason: "Unsupported",
        message: `The embedded PostgreSQL does not run on this machine (${last}): set DATABASE_URL to a PostgreSQL server.`,
      })
})

/** Both have to work: to walk into the folder, and to run the program. */
const probe = `cd "$1" && test "$(id -u)" != 0 && exec "$2" --version`

const look = (folder: Folder): Situation => {
  const owner = ownerOf(folder.root)?.uid ?? 0
  const accounts = accountsOf(read("/etc/passwd"), [owner, Number(process.env["SUDO_UID"] ?? 0)])
  return {
    uid: process.geteuid?.(),
    hasName: hasName(),
    cluster: ownerOf(folder.cluster),
    folder: accounts.find((_) => _.uid === owner),
    accounts,
  }
}

const ownerOf = (file: string): Account | undefined => {
  if (!existsSync(file)) return undefined
  const { uid, gid } = statSync(file)
  return { uid, gid }
}

/** The accounts of a passwd file that may run a server: the `preferred` ids, then nobody, then any other. */
export const accountsOf = (passwd: string, preferred: ReadonlyArray<number>): ReadonlyArray<Account> => {
  const all = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((_) => Number.isSafeInteger(_.uid) && _.uid > 0 && Number.isSafeInteger(_.gid))
  const ordered = [
    ...preferred.flatMap((uid) => all.filter((_) => _.uid === uid)),
    ...all.filter((_) => _.name === "nobody"),
    ...all.slice(0, 1),
  ]
  return ordered
    .filter((account, index) => ordered.findIndex((_) => _.uid === account.uid) === index)
    .map(({ uid, gid }) => ({ uid, gid }))
}

const hasName = (): boolean => {
  try {
    userInfo()
    return true
  } catch {
    return false
  }
}

const read = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "")
