/** The first SIGINT or SIGTERM drains; whoever sends a second one does not want to wait: the process exits at once. */
export const exitAtSecondSignal = (): void => {
  let asked = false
  const onSignal = () => {
    if (asked) process.exit(1)
    asked = true
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
}
