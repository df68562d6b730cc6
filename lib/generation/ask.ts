import type { NativeAnswer, NativeGenerate, NativeModel, NativeTask } from '../native/binding.js'
import { callNative, failureOf } from '../native/call-native.js'
import { onAbort } from '../on-abort.js'
import type { Requests } from './requests.js'

/** Where tasks are submitted, and where their rows arrive. */
export interface RequestTarget {
  model: NativeModel
  requests: Requests
}

/** A task with one answer. */
export type Question = Exclude<NativeTask, NativeGenerate>

interface AnswerKinds {
  score: 'scores'
  embed: 'embedding'
  logits: 'logits'
  pages: 'pages'
}

export type AnswerTo<Q extends Question> = Extract<NativeAnswer, { kind: AnswerKinds[Q['kind']] }>

const answerKinds: AnswerKinds = { score: 'scores', embed: 'embedding', logits: 'logits', pages: 'pages' }

/**
 * Gives the engine a task and waits for its answer. An aborted signal cancels it, and rejects with its reason at once.
 *
 * @throws {QuernError} what the engine says of a task that fails; `overloaded` where too many wait, `closed`.
 */
export function ask<Q extends Question>(
  { model, requests }: RequestTarget,
  task: Q,
  signal?: AbortSignal,
): Promise<AnswerTo<Q>> {
  const isAnswer = (answer: NativeAnswer): answer is AnswerTo<Q> => answer.kind === answerKinds[task.kind]
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const request = callNative(() => model.submit(task))
    const cancel = () => {
      model.cancel(request)
      reject(signal?.reason)
    }
    const unlisten = signal && onAbort(signal, cancel)
    requests.add(request, {
      token() {},
      answer(answer) {
        unlisten?.()
        if (isAnswer(answer)) resolve(answer)
        else reject(failureOf(answer))
      },
    })
  })
}
