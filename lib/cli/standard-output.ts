/** Ends the process where nobody reads any more, or where nothing can be written; Node's own answer is a crash report. */
export function watchStandardOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough, such as `head`, closes the pipe; a terminal that is closed gives EIO.
    if (error.code === 'EPIPE' || error.code === 'EIO') process.exit()
    const code = error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'disk_full' : 'write_error'
    process.stderr.write(`error: standard output: ${error.message} (${code})\n`)
    process.exit(1)
  })
  process.stderr.on('error', () => {}) // there is nowhere to say so
}
