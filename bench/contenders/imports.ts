/** Prints the MiB that a process holds once it has imported the modules that it is given as arguments. */
for (const specifier of process.argv.slice(2)) await import(specifier)
globalThis.gc?.()
process.stdout.write(`${process.memoryUsage.rss() / 1024 / 1024}\n`)
process.exit(0)
