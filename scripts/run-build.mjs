import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { environment, root } from './run.mjs'

/** A step as ninja counts it, `[12/87] Building ...`, or make: `[ 14%] Building ...`. */
const step = /^\[\s*(\d+)(?:\/(\d+)|%)\] ?(.*)/
const chatter =
  /^-- |^Not searching for unused variables|^ninja: no work to do|^Consolidate compiler generated dependencies|^Scanning dependencies/

/**
 * Runs a build and shows how far it is: one line that is written anew on a terminal, else one at each quarter. All that is no step, such as
 * what the compiler complains about, is shown as it is. Everything goes to stderr. True when it exits 0.
 */
export async function runBuild(label, command, args) {
  const progress = new Progress(label)
  const env = { ...environment(), NINJA_STATUS: '[%f/%t] ' }
  const child = spawn(command, args, { cwd: root, env, stdio: ['inherit', 'pipe', 'pipe'] })
  const take = (line) => {
    const [, done, total = '100', what] = step.exec(line) ?? []
    if (done) progress.show(Number(done) / Number(total), what)
    else if (!chatter.test(line)) progress.print(line)
  }
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', take)
  const code = await new Promise((resolve) => {
    child.on('close', resolve)
    child.on('error', (error) => resolve(progress.print(`${command}: ${error.message}`)))
  })
  progress.end(code === 0)
  return code === 0
}

class Progress {
  #label
  #began = performance.now()
  #quarter = 0
  #steps = 0

  constructor(label) {
    this.#label = label
  }

  show(share, what) {
    if (share > 0) this.#steps++
    const text = `${this.#label}: ${Math.floor(share * 100)} %`
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${`${text}  ${what}`.slice(0, process.stderr.columns - 1)}`)
    } else if (Math.floor(share * 4) > this.#quarter && share < 1) {
      this.#quarter = Math.floor(share * 4)
      process.stderr.write(`${text}\n`)
    }
  }

  print(line) {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${line}\n`)
  }

  end(isBuilt) {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(0)
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    if (isBuilt && this.#steps > 0) process.stderr.write(`${this.#label}: built in ${seconds} s\n`)
  }
}
