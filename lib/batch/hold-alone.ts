import { once } from 'node:events'
import { createServer } from 'node:net'
import { QuernError } from '../index.js'
import type { AnswerFile } from './answer-file.js'

/**
 * Sees to it that no other process of this system adds to a file of answers, for as long as this one lives and holds it: two would answer every
 * line twice. Node.js has no flock; a name of a socket that no file stands for (Linux has such) goes when its process does, however it ends.
 *
 * @throws {QuernError} `invalid_option` where another has it.
 */
export async function holdAlone(answers: AnswerFile): Promise<{ release(): void }> {
  const { dev, ino } = await answers.file.stat()
  const server = createServer().unref()
  try {
    server.listen(`\0quern-batch-${dev}-${ino}`)
    await once(server, 'listening')
  } catch (cause) {
    const message = `${answers.path}: another batch is adding to this file: wait for its end, or give another file`
    throw new QuernError('invalid_option', message, { value: answers.path, cause })
  }
  return { release: () => void server.close() }
}
