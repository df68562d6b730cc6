import { useEffect } from 'preact/hooks'

export interface ToastMessage {
  text: string
  /** What can be done about it. */
  action?: { label: string; run: () => void }
}

const shownMs = 8000

/** Says what was done, for a while. */
export function Toast({ message, onEnd }: { message: ToastMessage; onEnd: () => void }) {
  const { text, action } = message
  useEffect(() => {
    const timer = setTimeout(onEnd, shownMs)
    return () => clearTimeout(timer)
  }, [message])
  return (
    <div class="toast" role="status">
      <span>{text}</span>
      {action && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            action.run()
            onEnd()
          }}
        >
          {action.label}
        </button>
      )}
    </div>
  )
}
