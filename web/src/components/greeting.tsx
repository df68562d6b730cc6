import icon from '../icon.svg'
import { useShared, useWords } from './context.ts'

/** What is shown where nothing was said yet. */
export function Greeting() {
  const words = useWords()
  const { chat } = useShared()
  return (
    <div class="greeting">
      <img src={icon} alt="" width="48" height="48" />
      <h2>{words.greeting}</h2>
      <p>{words.greetingNote}</p>
      <ul class="suggestions">
        {words.suggestions.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => chat.send(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}
