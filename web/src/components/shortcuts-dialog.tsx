import { useWords } from './context.ts'
import { Dialog } from './dialog.tsx'

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const { shortcuts, keys } = useWords()
  const rows: [string, string[]][] = [
    [keys.send, ['Enter']],
    [keys.line, ['Shift', 'Enter']],
    [keys.stop, ['Esc']],
    [keys.newChat, ['Alt', 'N']],
    [keys.search, ['Alt', 'K']],
    [keys.list, ['Alt', 'B']],
    [keys.input, ['Alt', 'I']],
    [keys.settings, ['Alt', ',']],
    [keys.help, ['Alt', '/']],
  ]
  return (
    <Dialog title={shortcuts} onClose={onClose}>
      <dl class="facts">
        {rows.map(([what, combination]) => (
          <>
            <dt key={what}>{what}</dt>
            <dd>
              {combination.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </>
        ))}
      </dl>
    </Dialog>
  )
}
