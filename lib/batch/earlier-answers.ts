import { QuernError } from '../index.js'
import type { AnswerFile } from './answer-file.js'
import { type BatchAnswer, isFailure } from './batch-answer.js'
import { fileLines } from './file-lines.js'
import type { InputIndex } from './input-index.js'

/** How every line of answers begins. */
const beginning = Buffer.from('{"id":"batch_req_')

/**
 * Marks the lines that an earlier run has answered, and gives how many of the answers are failures. A last line that was cut short, by the end of the
 * process or the machine, is taken away: its request is done again.
 *
 * @throws {QuernError} `invalid_input` where the file holds something else than answers to this input; it is left as it is then.
 */
export async function takeEarlierAnswers(answers: AnswerFile, index: InputIndex): Promise<number> {
  let failures = 0
  for await (const { number, start, bytes, isEnded } of fileLines(answers.file)) {
    const where = `${answers.path}, line ${number}`
    if (!isEnded) {
      if (!isTorn(bytes)) throw refusal(where, 'is no answer of a batch')
      await answers.truncate(start)
      break
    }
    const answer = parseAnswer(bytes, where)
    const line = lineOf(answer, index)
    if (line === undefined)
      throw refusal(where, `answers ${JSON.stringify(answer.custom_id)}, which the input does not ask`)
    if (!index.markDone(line))
      throw refusal(where, `answers ${JSON.stringify(answer.custom_id)} a second time`)
    if (isFailure(answer)) failures++
  }
  return failures
}

/** The beginning of a line, or the zeros that some file systems leave in its place. */
function isTorn(bytes: Buffer | undefined): boolean {
  if (bytes === undefined) return false
  const length = Math.min(bytes.length, beginning.length)
  return bytes.subarray(0, length).equals(beginning.subarray(0, length)) || bytes.every((byte) => byte === 0)
}

function parseAnswer(bytes: Buffer | undefined, where: string): BatchAnswer {
  try {
    const answer: BatchAnswer | null = JSON.parse(String(bytes))
    if (typeof answer === 'object' && answer !== null && 'custom_id' in answer && 'response' in answer)
      return answer
  } catch {}
  throw refusal(where, 'is no answer of a batch')
}

/** Of a line without a name the number is told. */
function lineOf({ custom_id, error }: BatchAnswer, index: InputIndex): number | undefined {
  if (typeof custom_id === 'string') return index.find(custom_id)
  const line = error?.line ?? 0
  return Number.isInteger(line) && line >= 1 && line <= index.lines ? line : undefined
}

function refusal(where: string, what: string): QuernError {
  return new QuernError(
    'invalid_input',
    `${where} ${what}: give a new file, or the one that this input's answers are in`,
    { value: where },
  )
}
