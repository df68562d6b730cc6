// CommonJS programs.
import { expect, it } from 'vitest'
import { runScript } from './run-script.js'

// A required module must have no top-level await. Node 20 asks for a flag before 20.19, which is the oldest that quern supports.
const nodeOptions = process.features.require_module ? [] : ['--experimental-require-module']

it('require() gives the whole API', async () => {
  const { code, stdout, stderr } = await runScript(
    `const { load, inspect, QuernError, Tokenizer } = require(DIST)
    ;(async () => {
      const model = await load()
      for await (const text of model.generate('Once upon a time', { temperature: 0, maxTokens: 5 })) process.stdout.write(text)
      await model.close()
      await load('nowhere.gguf').catch((error) => console.log(error instanceof QuernError, error.code))
      console.log(typeof inspect, typeof Tokenizer.fromJSON)
    })()`,
    { commonjs: true, nodeOptions },
  )
  expect(stdout).toBe(', in a busy citytrue unsupported_format\nfunction function\n')
  expect(code).toBe(0)
  expect(
    stderr.replace(/^.*ExperimentalWarning: (CommonJS module|Support for loading ES Module).*\n.*\n/m, ''),
  ).toBe('')
})

it('require() and import give the same module', async () => {
  const { code, stdout } = await runScript(
    `const required = require(DIST)
    import(DIST).then((imported) => console.log(required.QuernError === imported.QuernError, required.load === imported.load))`,
    { commonjs: true, nodeOptions },
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'true true\n' })
})
