import type { Logger } from './logger.js'

/** Writes what became of a model, and why. */
export type ModelLog = (level: 'info' | 'error', what: string, error?: unknown) => void

export function modelLog(name: string, logger: Logger): ModelLog {
  return (level, what, error) => {
    const { code, message } = (error ?? {}) as { code?: string; message?: string }
    const line = `model ${name}: ${what}${message === undefined ? '' : `: ${message}`}`
    logger[level]({ model: name, ...(code !== undefined && { code }), message: line }, line)
  }
}
