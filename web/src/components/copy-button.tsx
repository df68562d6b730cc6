import { useState } from 'preact/hooks'
import { useWords } from './context.ts'
import { IconButton } from './icon-button.tsx'

/** Copies a text, and says so. */
export function CopyButton({ text }: { text: () => string }) {
  const words = useWords()
  const [isCopied, setCopied] = useState(false)
  return (
    <IconButton
      icon={isCopied ? 'check' : 'copy'}
      label={isCopied ? words.copied : words.copy}
      onClick={async () => {
        await navigator.clipboard.writeText(text())
        setCopied(true)
        setTimeout(() => setCopied(false), 2000)
      }}
    />
  )
}
