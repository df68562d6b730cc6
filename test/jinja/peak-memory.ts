// What templates take of memory at most, in a process of their own: what was taken before, and kept for later, hides nothing.
import { join } from 'node:path'
import { packageFolder, runScript } from '../process/run-script.js'
import { expectBelow } from '../promptly.js'

const program = (sources: string[]) => `
  const { Template } = require(${JSON.stringify(join(packageFolder, 'dist/jinja/template.js'))})
  const outcome = (source) => {
    try {
      new Template(source).render({}, new Date())
    } catch (error) {
      return error.code
    }
  }
  const peak = () => process.resourceUsage().maxRSS
  const before = peak()
  const outcomes = ${JSON.stringify(sources)}.map(outcome)
  console.log(JSON.stringify({ outcomes, kibibytes: peak() - before }))`

/**
 * Fails unless templates, one after the other, take less than so many megabytes: in one process at least, as garbage is collected when it
 * suits. Gives the codes of the errors that they end with; null for one without.
 */
export async function expectModest(megabytes: number, sources: string[]): Promise<(string | null)[]> {
  let outcomes: (string | null)[] = []
  const taken = async () => {
    const { stdout, stderr } = await runScript(program(sources), { commonjs: true })
    if (stdout === '') throw new Error(stderr)
    const answer = JSON.parse(stdout)
    outcomes = answer.outcomes
    return (answer.kibibytes * 1024) / 1e6
  }
  await expectBelow(megabytes, taken, 'at most', 'megabytes')
  return outcomes
}
