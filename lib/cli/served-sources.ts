import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { QuernError } from '../index.js'

/** What the bundled model is served as. */
const bundledName = 'quern-tiny'

/**
 * What `--model` says, by the names that the models are served under: `NAME=SOURCE`, or a source alone. A model of the hub is then called as
 * it is there, a folder by its own name. The bundled model, whose source is undefined, has its name for a source too.
 */
export function servedSources(given: readonly string[]): Map<string, string | undefined> {
  if (given.length === 0) return new Map([[bundledName, undefined]])
  const sources = new Map<string, string | undefined>()
  for (const text of given) {
    // A path that holds an equals sign begins with a dot or a slash.
    const [, name, source] = /^([^./=~][^=]*)=(.*)$/.exec(text) ?? [undefined, defaultName(text), text]
    if (name === undefined || !source || name === '') {
      throw new QuernError('invalid_option', `--model ${text}: expected a model, or NAME=MODEL`, {
        value: text,
      })
    }
    if (sources.has(name)) {
      const message = `--model ${text}: another model is called '${name}' already: call this one NAME=${source}`
      throw new QuernError('invalid_option', message, { value: text })
    }
    sources.set(name, source === bundledName && !existsSync(source) ? undefined : source)
  }
  return sources
}

function defaultName(source: string): string {
  const isOfHub = /^[\w-][\w.-]*\/[\w.-]+$/.test(source) && !existsSync(source)
  return isOfHub || source.startsWith('random:') ? source : basename(resolve(source))
}
