import { Failure } from '../api/failure.ts'
import { fetchModels, type ServedModel } from '../api/models.ts'
import { Store } from './store.ts'

export type Reachability = 'unknown' | 'there' | 'gone' | 'locked'

/** Milliseconds between looks at the server: while something is to come, and otherwise. */
const soon = 1000
const later = 30_000

/** What is known of the server: whether it is there, and its models. */
export class Server {
  readonly reachability = new Store<Reachability>('unknown')
  readonly models = new Store<readonly ServedModel[]>([])
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Whether somebody waits for an answer, maybe for a model to load. */
  #isAwaited = false

  /** Looks now, and again and again. */
  async look(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      this.models.set(await fetchModels())
      this.reachability.set('there')
    } catch (error) {
      this.tell(error)
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.look(), this.#isSettled() ? later : soon)
  }

  /** What a request's failure says of the server. */
  tell(error: unknown): void {
    if (!(error instanceof Failure)) return
    if (error.kind === 'unreachable') this.reachability.set('gone')
    if (error.kind === 'unauthorized') this.reachability.set('locked')
  }

  /** Somebody waits for the first word of an answer, or no longer. */
  await(isAwaited: boolean): void {
    this.#isAwaited = isAwaited
    void this.look()
  }

  #isSettled(): boolean {
    const isThere = this.reachability.get() === 'there'
    const loads = this.models.get().some(({ status }) => status === 'loading')
    return isThere && !loads && !this.#isAwaited
  }
}
