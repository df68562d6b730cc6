/** A service: what begins it, and what ends it, at once where one is in a hurry. */
interface Service {
  begin(): Promise<void>
  end(isHurried: boolean): Promise<void>
}

/** Exit codes of what was made to end before it was done. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Runs a service until Ctrl-C or SIGTERM, which let it finish what it does; a second one makes it hurry. */
export async function untilEnded({ begin, end }: Service): Promise<void> {
  let signals = 0
  let hasEnded = false
  let asked: () => void
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  let hurried: Promise<void> | undefined
  const onSignal = (signal: keyof typeof exitCodes) => {
    asked()
    if (++signals < 2) return
    process.exitCode = exitCodes[signal]
    if (hasEnded) process.exit() // whatever keeps it alive
    hurried ??= end(true)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    const began = begin()
    try {
      await Promise.race([began, isAsked])
      await isAsked
    } finally {
      await end(false)
      await hurried
      if (signals > 0) await began.catch(() => {}) // it was ended before it had begun
    }
  } finally {
    hasEnded = true
    // Once told to end, the process says with its exit code that it was told again, however late that is.
    if (signals === 0) process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
