import { useWords } from './context.ts'
import { Markdown } from './markdown.tsx'

/** What the model thought, folded: open for those who want to see it. */
export function Thoughts({ text, isGrowing }: { text: string; isGrowing: boolean }) {
  const words = useWords()
  return (
    <details class="thoughts">
      <summary>{isGrowing ? words.thinking : words.thought}</summary>
      <Markdown text={text} isGrowing={isGrowing} />
    </details>
  )
}
