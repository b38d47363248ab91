import { spawnSync } from "node:child_process"

const command = ["setpriv", "--pdeathsig", "KILL", "--"]

/**
 * What stands before a command that must not outlive this process, however this process ends. Nothing where the system cannot do
 * that: there a scope ends it, which a kill -9 does not reach.
 */
export const withParent: ReadonlyArray<string> =
  spawnSync(command[0] ?? "", [...command.slice(1), process.execPath, "--version"], { stdio: "ignore" }).status === 0
    ? command
    : []
