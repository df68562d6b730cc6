/** NODE_OPTIONS of a process that Ctrl-C reaches once more when nothing is left for it to do, and that would live on. */
export const interruptedAtItsEnd = `--import data:text/javascript,${encodeURIComponent(`
  process.once('beforeExit', () => {
    process.kill(process.pid, 'SIGINT')
    setInterval(() => {}, 1000)
  })`)}`
