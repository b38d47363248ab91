/** As whom PostgreSQL runs: it refuses root, and initdb refuses a user without a name. */
export interface RunAs {
  readonly how: "direct" | "namespace" | "user" | "capability"
  /** What stands before the command; it replaces itself with the command, so the process id stays. */
  readonly prefix: ReadonlyArray<string>
  readonly spawn: { readonly uid?: number; readonly gid?: number }
  /** To whom the cluster's files have to belong; undefined: to this process's own user. */
  readonly owner: Account | undefined
}

/** An unprivileged user of this system. */
export interface Account {
  readonly uid: number
  readonly gid: number
}
