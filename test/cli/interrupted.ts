/** NODE_OPTIONS of a process that Ctrl-C reaches once more when nothing is left for it to do. */
export const interruptedAtItsEnd = `--import data:text/javascript,${encodeURIComponent(`
  process.once('beforeExit', () => {
    process.kill(process.pid, 'SIGINT')
    setTimeout(() => {}, 1000) // it has come by then
  })`)}`
