import { constants, type FileHandle, open } from 'node:fs/promises'
import { QuernError } from '../index.js'
import { createApp, type ServerApp } from '../server/index.js'
import { AnswerFile } from './answer-file.js'
import { answerLine, type BatchAnswer, isFailure } from './batch-answer.js'
import { type BatchOptions, type BatchProgress, checkBatchOptions } from './batch-options.js'
import { takeEarlierAnswers } from './earlier-answers.js'
import { fileError } from './file-error.js'
import { holdAlone } from './hold-alone.js'
import { InputIndex } from './input-index.js'
import { inPrefixOrder } from './prefix-order.js'

/**
 * Answers a file of requests in OpenAI's batch format. It may be ended at any moment, and goes on where it was when it is called again with the
 * same files: no line is lost, none is answered twice. Gives how far it came: all the way, unless its signal was aborted. Where a model's device
 * fails, the model is loaded again, and the lines that failed with it are asked once more.
 *
 * @throws {QuernError} `missing_file`, `read_error`; `invalid_input` where two lines have the same `custom_id`, where none names a model that is
 * there, or where `output` holds something else; `write_error`, `disk_full`; what `load()` throws; `device_failed` where it failed again.
 * @example
 * ```ts
 * const { done, total, failed } = await runBatch({
 *   input: 'in.jsonl',
 *   output: 'out.jsonl',
 *   models: { small: { source: 'Qwen/Qwen3-0.6B' } },
 * })
 * ```
 */
export async function runBatch(options: BatchOptions): Promise<BatchProgress> {
  await checkBatchOptions(options)
  const input = await openInput(options.input)
  try {
    const index = new InputIndex(input, options.input)
    await readInput(index, options)
    const app = createApp(appOptions(options))
    try {
      return await withAnswerFiles(options, index, app)
    } finally {
      await app.close({ grace: 0 })
    }
  } finally {
    await input.close()
  }
}

/** What is no file could not be read twice; to open a pipe would wait for who writes to it. */
async function openInput(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if ((await file.stat()).isFile()) return file
    await file.close()
  } catch (error) {
    throw fileError(path, error, 'read_error')
  }
  throw fileError(path, new Error('expected a file, which is read more than once'), 'read_error')
}

function appOptions({ models, maxTokens, timeout, maxBodyBytes, log }: BatchOptions) {
  return { models, maxTokens, timeout, maxBodyBytes, log }
}

/** A file whose requests all name models that are not there is refused: its answers would be as many failures. */
async function readInput(index: InputIndex, { input, models, signal }: BatchOptions): Promise<void> {
  let named: { model: string; number: number } | undefined
  let isServed = false
  try {
    await index.read(({ body: { model } }, number) => {
      isServed ||= typeof model !== 'string' || Object.hasOwn(models, model)
      if (typeof model === 'string') named ??= { model, number }
    }, signal)
  } catch (error) {
    throw fileError(input, error, 'read_error')
  }
  if (isServed || named === undefined) return
  const there = Object.keys(models)
    .map((name) => `'${name}'`)
    .join(', ')
  throw new QuernError(
    'invalid_input',
    `${input}, line ${named.number}: there is no model '${named.model}' here, and no line names one that is: expected one of ${there}`,
    { value: named.model },
  )
}

async function withAnswerFiles(
  options: BatchOptions,
  index: InputIndex,
  app: ServerApp,
): Promise<BatchProgress> {
  const files: AnswerFile[] = []
  const holds: { release(): void }[] = []
  try {
    for (const path of [options.output, ...(options.errors === undefined ? [] : [options.errors])]) {
      const { file, hold } = await openAlone(path)
      files.push(file)
      holds.push(hold)
    }
    const [answers, failures = answers] = files as [AnswerFile, AnswerFile?]
    let failed = 0
    for (const file of files) failed += await takeEarlierAnswers(file, index)
    return await answerAll(options, index, app, failed, (answer) =>
      (isFailure(answer) ? failures : answers).add(answer),
    )
  } catch (error) {
    for (const file of files) await file.discard()
    throw error
  } finally {
    for (const hold of holds) hold.release()
    for (const file of files) await file.close()
  }
}

/** A file of answers that is held alone. One that another batch, which failed, took away meanwhile is made again. */
async function openAlone(path: string): Promise<{ file: AnswerFile; hold: { release(): void } }> {
  for (;;) {
    const file = await AnswerFile.open(path)
    try {
      const hold = await holdAlone(file)
      if (await file.isThere()) return { file, hold }
      hold.release()
    } catch (error) {
      await file.close()
      throw error
    }
    await file.close()
  }
}

async function answerAll(
  { concurrency = 64, signal, onProgress }: BatchOptions,
  index: InputIndex,
  app: ServerApp,
  failed: number,
  write: (answer: BatchAnswer) => Promise<void>,
): Promise<BatchProgress> {
  const before = index.done
  const progress = {
    total: index.requests,
    done: before,
    failed,
    before,
    promptTokens: 0,
    completionTokens: 0,
  }
  onProgress?.({ ...progress })
  if (before === index.requests || signal?.aborted) return progress
  await app.preload()
  const numbers = inPrefixOrder(index)
  const broken = new AbortController()
  const work = async () => {
    while (!signal?.aborted && !broken.signal.aborted) {
      const { value: number, done } = await numbers.next()
      if (done) return
      const answer = await answerLine(
        app,
        () => index.request(number),
        number,
        () => app.preload(),
      )
      if (broken.signal.aborted) return // what was cut short is no answer
      await write(answer)
      index.markDone(number)
      progress.done++
      if (isFailure(answer)) progress.failed++
      count(progress, answer)
      onProgress?.({ ...progress })
    }
  }
  const workers = Array.from({ length: concurrency }, () =>
    work().catch(async (error) => {
      broken.abort(error)
      await app.close({ grace: 0 })
    }),
  )
  await Promise.all(workers)
  broken.signal.throwIfAborted()
  return progress
}

function count(progress: BatchProgress, { response }: BatchAnswer): void {
  const { usage } = (response?.body ?? {}) as { usage?: Record<string, number> }
  progress.promptTokens += usage?.prompt_tokens ?? 0
  progress.completionTokens += usage?.completion_tokens ?? 0
}
