import { useId, useState } from 'preact/hooks'
import { isWithin, type Range } from '../conversation/ranges.ts'
import { useWords } from './context.ts'

interface Props {
  label: string
  help: string
  value: number | null
  range: Range
  onChange: (value: number | null) => void
}

/** A number, or nothing for the server's own. What is no such number is said and not taken. */
export function NumberField({ label, help, value, range, onChange }: Props) {
  const words = useWords()
  const id = useId()
  const [text, setText] = useState(value === null ? '' : String(value))
  const isWrong = text.trim() !== '' && numberOf(text) === undefined
  function numberOf(given: string): number | undefined {
    const number = Number(given.trim().replace(',', '.'))
    return isWithin(number, range) ? number : undefined
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        inputMode={range.isWhole ? 'numeric' : 'decimal'}
        placeholder={words.byDefault}
        value={text}
        aria-invalid={isWrong}
        aria-describedby={`${id}-help`}
        onInput={(event) => {
          const given = event.currentTarget.value
          setText(given)
          const number = numberOf(given)
          if (given.trim() === '') onChange(null)
          else if (number !== undefined) onChange(number)
        }}
      />
      <p id={`${id}-help`} class={isWrong ? 'help wrong' : 'help'}>
        {isWrong ? words.wrongNumber(range.least, range.most) : help}
      </p>
    </div>
  )
}
