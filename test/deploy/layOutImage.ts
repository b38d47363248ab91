import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, cpSync, mkdirSync } from "node:fs"
import { basename, join } from "node:path"
import * as dockerfile from "./dockerfile.ts"
import { pathOf } from "./files.ts"

/**
 * Puts into a folder what the Dockerfile's last stage puts into the image: `app`, with the built tree and the packages of production,
 * an empty `data`, and `bin` with the Node of this process.
 */
export const layOutImage = (folder: string): void => {
  const app = join(folder, "app")
  for (const path of [app, join(folder, "bin")]) mkdirSync(path)
  for (const { from, to } of dockerfile.copied) {
    const target = to.endsWith("/") ? join(app, basename(from)) : join(app, to)
    if (from === "dist") compile(target)
    else cpSync(pathOf(from), target, { recursive: true })
  }
  copyFileSync(process.execPath, join(folder, "bin/node"))
  chmodSync(join(folder, "bin/node"), 0o755)
  // Whatever else the line of the Dockerfile cleans is the image's own.
  const steps = dockerfile.install.split(" && ").filter((step) => !step.startsWith("npm cache"))
  for (const step of steps)
    execFileSync("sh", ["-c", step], {
      cwd: app,
      env: { ...process.env, npm_config_prefer_offline: "true", npm_config_update_notifier: "false" },
      stdio: ["ignore", "ignore", "pipe"],
    })
  execFileSync("chmod", ["-R", "a+rX", folder])
}

/** As the first stage does. */
const compile = (outDir: string): void => {
  const tsc = pathOf("node_modules/typescript/bin/tsc")
  execFileSync(process.execPath, [tsc, "--project", pathOf("tsconfig.build.json"), "--outDir", outDir])
}
