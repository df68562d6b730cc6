import { defaultSettings, type Settings } from '../conversation/types.ts'
import { Store } from './store.ts'

export type Theme = 'auto' | 'light' | 'dark'
export type Language = 'en' | 'zh'

/** What this browser is told to remember of its user. */
export interface Preferences {
  theme: Theme
  /** null: the browser's. */
  language: Language | null
  /** What new conversations begin with. */
  settings: Settings
}

const item = 'quern.preferences'

function stored(): Preferences {
  const none: Preferences = { theme: 'auto', language: null, settings: defaultSettings }
  try {
    const { theme, language, settings } = JSON.parse(
      localStorage.getItem(item) ?? '{}',
    ) as Partial<Preferences>
    return {
      theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
      language: language === 'en' || language === 'zh' ? language : null,
      settings: { ...defaultSettings, ...settings },
    }
  } catch {
    return none
  }
}

/** The preferences; they are remembered when they change. */
export function rememberedPreferences(): Store<Preferences> {
  const store = new Store(stored())
  store.watch((preferences) => {
    try {
      localStorage.setItem(item, JSON.stringify(preferences))
    } catch {
      // They last as long as the page then.
    }
  })
  return store
}
