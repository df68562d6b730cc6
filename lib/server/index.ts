/**
 * OpenAI's API on models inside the process: `import { serve } from 'quern/server'`.
 *
 * @module quern/server
 */

export { createApp, type ServerApp } from './app.js'
export type { AppOptions } from './app-options.js'
export type { LogFormat, Logger } from './log/logger.js'
export { type RunningServer, type ServeOptions, serve } from './serve.js'
export type { ModelSource } from './served-model.js'
