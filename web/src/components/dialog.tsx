import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useWords } from './context.ts'
import { IconButton } from './icon-button.tsx'

interface Props {
  title: string
  onClose: () => void
  children: ComponentChildren
}

/** The browser's own dialog: it keeps the focus, gives it back, and Escape closes it. */
export function Dialog({ title, onClose, children }: Props) {
  const words = useWords()
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    ref.current?.showModal()
    return () => ref.current?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click beside it does what Escape does
    <dialog
      ref={ref}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2>{title}</h2>
          <IconButton icon="close" label={words.close} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  )
}
