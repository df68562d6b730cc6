import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'
import { Icon } from './icon.tsx'

/** What stands in the way of an answer: a server that is gone, a model that is being loaded. */
export function Banner() {
  const words = useWords()
  const { server } = useShared().chat
  const reachability = useStore(server.reachability)
  const loading = useStore(server.models).find(({ status }) => status === 'loading')
  if (reachability === 'gone') {
    return (
      <div class="banner banner-wrong" role="alert">
        <Icon name="warning" />
        <span>{words.gone}</span>
        <button type="button" class="quiet" onClick={() => void server.look()}>
          {words.lookAgain}
        </button>
      </div>
    )
  }
  if (!loading) return null
  const { progress } = loading
  const share =
    progress && progress.total_bytes > 0 ? progress.loaded_bytes / progress.total_bytes : undefined
  const percent = share === undefined ? undefined : Math.floor(100 * share)
  const text =
    percent === undefined
      ? words.loadingStarts
      : words[progress?.phase === 'download' ? 'downloading' : 'loading'](percent)
  return (
    <div class="banner" role="status">
      <span>{text}</span>
      <progress aria-label={text} max={1} value={share} />
    </div>
  )
}
