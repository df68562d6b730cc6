import { realpath, stat } from 'node:fs/promises'
import { z } from 'zod'
import { QuernError } from '../index.js'
import { type AppOptions, appOptionShape, checkOptions } from '../server/app-options.js'

/**
 * What a batch reads, writes, and asks of whom.
 *
 * @example
 * ```ts
 * const options: BatchOptions = { input: 'in.jsonl', output: 'out.jsonl', models: { demo: {} } }
 * ```
 */
export interface BatchOptions
  extends Pick<AppOptions, 'models' | 'maxTokens' | 'timeout' | 'maxBodyBytes' | 'log'> {
  /** The file of requests, in OpenAI's batch format: a JSON object a line. */
  input: string
  /** The file that answers are added to. Lines whose answers it holds are not asked again. */
  output: string
  /** A file for the answers that are failures. Default: they are in `output` with the others. */
  errors?: string | undefined
  /** Requests that run at the same time. Default: 64. */
  concurrency?: number | undefined
  /** Once it is aborted no more requests are begun; those that run end, and `runBatch()` resolves. */
  signal?: AbortSignal | undefined
  /** Called when the input was read, and after each answer. */
  onProgress?: ((progress: BatchProgress) => void) | undefined
}

/**
 * How far a batch is.
 *
 * @example
 * ```ts
 * const onProgress = ({ done, total }: BatchProgress) => console.log(`${done} of ${total}`)
 * ```
 */
export interface BatchProgress {
  /** Lines of the input that want an answer. */
  total: number
  /** Those of them that have one. */
  done: number
  /** Those of them whose answer is a failure. */
  failed: number
  /** Those that had one before this run. */
  before: number
  /** Tokens that this run has read. */
  promptTokens: number
  /** Tokens that this run has generated. */
  completionTokens: number
}

const { models, maxTokens, timeout, maxBodyBytes, log } = appOptionShape
const path = z.string().min(1)

const optionShape = {
  ...{ models, maxTokens, timeout, maxBodyBytes, log },
  input: path,
  output: path,
  errors: path.optional(),
  concurrency: z.int().min(1).max(4096).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<BatchOptions['onProgress']>((value) => typeof value === 'function').optional(),
}

/**
 * Throws unless the options are what they must be, and name different files.
 *
 * @throws {QuernError} `invalid_option`, `unsupported_option`.
 */
export async function checkBatchOptions(options: BatchOptions): Promise<void> {
  checkOptions('runBatch', options, optionShape)
  const { input, output, errors } = options
  await expectTwoFiles('input', input, 'output', output)
  if (errors === undefined) return
  await expectTwoFiles('input', input, 'errors', errors)
  await expectTwoFiles('output', output, 'errors', errors)
}

async function expectTwoFiles(name: string, path: string, otherName: string, other: string): Promise<void> {
  if ((await identity(path)) !== (await identity(other))) return
  throw new QuernError('invalid_option', `${name} and ${otherName} are the same file, ${path}: give two`, {
    value: path,
  })
}

/** Whatever the path: a file has links, and its folders may be links. */
async function identity(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path)
    return `${dev} ${ino}`
  } catch {
    const [, folder = '.', name = path] = /^(.*)\/([^/]*)$/s.exec(path) ?? []
    return `${await realpath(folder || '/').catch(() => folder)}/${name}`
  }
}
