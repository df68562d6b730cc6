// Requests that Schemathesis makes of the OpenAPI document: those that fit it, and those that do not.
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { serve } from '../../lib/server/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { requirePresent } from '../require-present.js'

/** It leaves what it found in the folder where it runs. */
const folder = temporaryFolder()
/** Where CI installs it. */
const installed = fileURLToPath(new URL('../../build/schemathesis', import.meta.url))
const install = 'python3 -m pip install --target build/schemathesis schemathesis==4.32.5'
const hooks = fileURLToPath(new URL('schemathesis_hooks.py', import.meta.url))
const environment = { ...process.env, PYTHONPATH: installed, SCHEMATHESIS_HOOKS: hooks }

const isPresent = spawnSync('python3', ['-c', 'import schemathesis'], { env: environment }).status === 0

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
]

requirePresent('Schemathesis', isPresent ? undefined : install)

test.runIf(isPresent)('every operation does what the document says', { timeout: 300_000 }, async () => {
  const models = { tiny: { options: { threads: 1 } } }
  const server = await serve({ models, port: 0, maxTokens: 8, log: 'errors' })
  const run = ['-m', 'schemathesis.cli', 'run', `${server.url}/openapi.json`]
  const how = ['--phases', 'fuzzing', '--max-examples', '50', '--seed', '1', '--checks', checks.join(',')]
  const quiet = ['--no-color', '--generation-database', 'none']
  const { stdout } = await promisify(execFile)('python3', [...run, ...how, ...quiet], {
    env: environment,
    cwd: folder.join('.'),
  })
    .catch((error: { stdout: string; stderr: string }) => ({ stdout: error.stdout + error.stderr }))
    .finally(() => server.close())
  expect(stdout).toMatch(/\d+ generated, \d+ passed/)
  expect(stdout, stdout).not.toMatch(/failed|errored/i)
})
