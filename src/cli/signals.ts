/** One Ctrl-C may arrive twice, from the terminal and from npm, which passes it on. */
const ONE_REQUEST_MILLIS = 500

/** The first SIGINT or SIGTERM drains; whoever sends another one later does not want to wait: the process exits at once. */
export const exitAtSecondSignal = (): void => {
  let askedAt: number | undefined
  const onSignal = () => {
    const now = performance.now()
    if (askedAt !== undefined && now - askedAt > ONE_REQUEST_MILLIS) process.exit(1)
    askedAt ??= now
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
}

/**
 * A SIGTERM to `npm start` ends npm and the shell between it and this process, and would leave this process running. When
 * npm started it, and its parent is gone, it stops as if the signal had reached it.
 */
export const stopWithNpm = (): void => {
  if (process.env["npm_lifecycle_event"] === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, "SIGTERM")
  }, 500)
  watch.unref()
}
