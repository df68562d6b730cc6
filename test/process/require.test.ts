// CommonJS programs, and what loads modules as if every one were CommonJS.
import { expect, it } from 'vitest'
import { packageFolder, runScript } from './run-script.js'

// As in older Node.js, and in what has a `require` of its own, such as Jest: a required file is no ES module.
const nodeOptions = ['--no-experimental-require-module']

it('require() gives the whole API', async () => {
  const { code, stdout, stderr } = await runScript(
    `const { load, inspect, QuernError, Tokenizer } = require('quern')
    ;(async () => {
      const model = await load()
      for await (const text of model.generate('Once upon a time', { temperature: 0, maxTokens: 5 })) process.stdout.write(text)
      await model.close()
      await load('nowhere.gguf').catch((error) => console.log(error instanceof QuernError, error.code))
      console.log(typeof inspect, typeof Tokenizer.fromJSON)
    })()`,
    { commonjs: true, nodeOptions, cwd: packageFolder },
  )
  expect(stdout).toBe(', in a busy citytrue unsupported_format\nfunction function\n')
  expect(code).toBe(0)
  expect(stderr).toBe('')
})

it('require() and import give the same objects, by the same names', async () => {
  const { code, stdout } = await runScript(
    `const required = require('quern')
    import('quern').then((imported) => {
      const names = Object.keys(required).sort()
      console.log(Object.keys(imported).sort().join() === names.join(), names.includes('QuernError'))
      console.log(names.every((name) => required[name] === imported[name]))
    })`,
    { commonjs: true, nodeOptions, cwd: packageFolder },
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'true true\ntrue\n' })
})
