/** Does work that Ctrl-C ends, by the signal that it is given; the command's exit code is 130 then. */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort(new Error('interrupted'))
  process.once('SIGINT', onInterrupt)
  try {
    await work(interrupt.signal)
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
    process.exitCode = 130
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}
