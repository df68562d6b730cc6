import type { Language } from '../state/preferences.ts'
import { en } from './en.ts'
import type { Messages } from './messages.ts'
import { zh } from './zh.ts'

export const languages: Readonly<Record<Language, { name: string; tag: string; messages: Messages }>> = {
  en: { name: 'English', tag: 'en', messages: en },
  zh: { name: '简体中文', tag: 'zh-CN', messages: zh },
}

/** The language that is chosen, or the first of the browser's that is spoken here. */
export function languageOf(chosen: Language | null, preferred: readonly string[]): Language {
  if (chosen) return chosen
  const known = preferred.map((tag) => tag.toLowerCase().split('-')[0])
  return known.find((one) => one === 'en' || one === 'zh') === 'zh' ? 'zh' : 'en'
}
