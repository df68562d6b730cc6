import { memo } from 'preact/compat'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Blocks } from '../markdown/blocks.ts'
import { decorate, finish } from '../markdown/decorate.ts'
import { htmlOf } from '../markdown/html.ts'
import { useWords } from './context.ts'

/** A text in Markdown that may still grow. Blocks that do not change are not drawn again. */
export function Markdown({ text, isGrowing }: { text: string; isGrowing: boolean }) {
  const splitter = useMemo(() => new Blocks(), [])
  const shown = useUnhurried(text, isGrowing)
  const blocks = splitter.of(shown)
  return (
    <div class="markdown">
      {blocks.map((source, index) => (
        <Block key={index} source={source} isOpen={isGrowing && index >= blocks.length - 2} />
      ))}
    </div>
  )
}

/** The text, but where drawing it takes long it is drawn the less often: three quarters of the time are left for everything else. */
function useUnhurried(text: string, isGrowing: boolean): string {
  const [, draw] = useState(0)
  const state = useRef({ shown: text, free: 0 }).current
  const began = performance.now()
  const isDue = !isGrowing || began >= state.free
  if (isDue) state.shown = text
  useLayoutEffect(() => {
    if (isDue) state.free = performance.now() + 3 * (performance.now() - began)
  })
  useEffect(() => {
    if (isDue) return
    const timer = setTimeout(() => draw((count) => count + 1), state.free - performance.now())
    return () => clearTimeout(timer)
  })
  return state.shown
}

const Block = memo(function Block({ source, isOpen }: { source: string; isOpen: boolean }) {
  const { copy, copied } = useWords()
  const ref = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const root = ref.current
    if (!root) return
    root.innerHTML = htmlOf(source)
    decorate(root, { copy, copied })
  }, [source, copy, copied])
  useEffect(() => {
    if (!isOpen && ref.current) void finish(ref.current)
  }, [source, isOpen, copy, copied])
  return <div class="block" ref={ref} />
})
