import { QuernError } from '../errors.js'
import { show } from '../input/show.js'

/** A model of the hub, at a revision. */
export interface Repo {
  /** `org/name` */
  id: string
  /** A branch, a tag, `refs/pr/1` or a commit. */
  revision: string
}

const part = /^(?=.{1,96}$)[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?$/

/** Whether a text can be the id of a model: `org/name`, by the hub's own rules. */
export function isRepoId(text: string): boolean {
  const parts = text.split('/')
  return (
    parts.length === 2 &&
    parts.every((one) => part.test(one)) &&
    !/--|\.\./.test(text) &&
    !text.endsWith('.git')
  )
}

/** Whether a text can be a revision. It becomes a path below `refs/`, so no part of it may lead elsewhere. */
export function isRevision(text: string): boolean {
  return (
    text.length <= 255 &&
    text.split('/').every((one) => /^[\w+@=#-][\w.+@=#-]*$/.test(one) && !one.includes('..'))
  )
}

/** Whether a text is a whole commit, which never changes. */
export function isCommit(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{40}$/.test(text)
}

/**
 * Refuses names that cannot be on a hub.
 *
 * @throws {QuernError} `invalid_input`, `invalid_option`.
 */
export function checkRepo({ id, revision }: Repo): void {
  if (typeof id !== 'string' || !isRepoId(id)) {
    throw new QuernError(
      'invalid_input',
      `a model of the hub is named org/name, such as Qwen/Qwen3-0.6B, got ${show(id)}`,
      { value: id },
    )
  }
  if (typeof revision !== 'string' || !isRevision(revision)) {
    throw new QuernError(
      'invalid_option',
      `revision: expected a branch, a tag or a commit, got ${show(revision)}`,
      { value: revision },
    )
  }
}
