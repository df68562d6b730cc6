import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { readEnvironment } from './environment.js'
import { isRepoId, type Repo } from './repo.js'

/** What stands between a model's id and a revision in the address of a page of the hub. */
const views: ReadonlySet<string> = new Set(['tree', 'blob', 'resolve', 'raw', 'commits', 'commit'])
const hosts: ReadonlySet<string> = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co'])

/**
 * The model that the address of a page of the hub is about, `https://huggingface.co/org/name` or with `/tree/main` and the like behind it;
 * undefined for what is no address of the hub.
 *
 * @throws {QuernError} `invalid_input` for pages that are about no model.
 */
export function readRepoUrl(
  text: string,
): { id: string; revision: Repo['revision'] | undefined } | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (!hosts.has(url.hostname) && url.origin !== new URL(readEnvironment().endpoint).origin) return undefined
  const [org = '', name = '', view, revision] = url.pathname.split('/').filter((part) => part !== '')
  const id = `${org}/${name}`
  if (!isRepoId(id) || org === 'datasets' || org === 'spaces') {
    throw new QuernError(
      'invalid_input',
      `${quote(text)} is no model's page; a model of the hub is named org/name, such as Qwen/Qwen3-0.6B`,
      { value: text },
    )
  }
  const isVersion = view !== undefined && views.has(view) && revision !== undefined
  return { id, revision: isVersion ? decoded(revision) : undefined }
}

/** A broken escape is for whoever checks revisions to complain about. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
