/**
 * An answer, unless the signal is aborted before it is there: whatever is waited for, a model that loads or a body that does not come, nobody
 * waits for longer. An answer that comes later is thrown away.
 *
 * @throws The signal's reason; otherwise what the answer throws.
 */
export function untilAborted(answer: Promise<Response>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.reason)
      answer.then((late) => late.body?.cancel()).catch(() => {}) // nobody is there to be told
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}
