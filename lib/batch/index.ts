/**
 * Files of requests in OpenAI's batch format: `import { runBatch } from 'quern/batch'`.
 *
 * @module quern/batch
 */

export { answerBatchLine, type BatchAnswer } from './batch-answer.js'
export type { BatchOptions, BatchProgress } from './batch-options.js'
export { runBatch } from './run-batch.js'
