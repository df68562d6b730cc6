import { useId, useState } from 'preact/hooks'
import type { Settings } from '../conversation/types.ts'
import { languageOf, languages } from '../i18n/languages.ts'
import type { Language, Theme } from '../state/preferences.ts'
import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'
import { Dialog } from './dialog.tsx'
import { ranges } from '../conversation/ranges.ts'
import { NumberField } from './number-field.tsx'

/** What answers are asked for with, and how the page looks. Everything counts at once. */
export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const words = useWords()
  const { chat } = useShared()
  const [settings, setSettings] = useState(chat.settings())
  const change = (changed: Partial<Settings>) => {
    const next = { ...chat.settings(), ...changed }
    setSettings(next)
    chat.setSettings(next)
  }
  return (
    <Dialog title={words.settings} onClose={onClose}>
      <section aria-label={words.answering}>
        <h3>{words.answering}</h3>
        <TextField
          label={words.systemPrompt}
          help={words.systemHelp}
          value={settings.system}
          onChange={(system) => change({ system })}
        />
        <div class="fields">
          <NumberField
            label={words.temperature}
            help={words.temperatureHelp}
            value={settings.temperature}
            range={ranges.temperature}
            onChange={(temperature) => change({ temperature })}
          />
          <NumberField
            label={words.topP}
            help={words.topPHelp}
            value={settings.topP}
            range={ranges.topP}
            onChange={(topP) => change({ topP })}
          />
          <NumberField
            label={words.maxTokens}
            help={words.maxTokensHelp}
            value={settings.maxTokens}
            range={ranges.maxTokens}
            onChange={(maxTokens) => change({ maxTokens })}
          />
          <NumberField
            label={words.seed}
            help={words.seedHelp}
            value={settings.seed}
            range={ranges.seed}
            onChange={(seed) => change({ seed })}
          />
        </div>
        <TextField
          label={words.tools}
          help={words.toolsHelp}
          value={settings.tools}
          wrong={isList(settings.tools) ? undefined : words.toolsWrong}
          isCode
          onChange={(tools) => change({ tools })}
        />
      </section>
      <Appearance />
    </Dialog>
  )
}

function Appearance() {
  const words = useWords()
  const { preferences } = useShared()
  const given = useStore(preferences)
  const id = useId()
  return (
    <section aria-label={words.appearance}>
      <h3>{words.appearance}</h3>
      <div class="fields">
        <div class="field">
          <label for={`${id}-theme`}>{words.theme}</label>
          <select
            id={`${id}-theme`}
            value={given.theme}
            onChange={(event) => preferences.set({ ...given, theme: event.currentTarget.value as Theme })}
          >
            {Object.entries(words.themes).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for={`${id}-language`}>{words.language}</label>
          <select
            id={`${id}-language`}
            value={languageOf(given.language, navigator.languages)}
            onChange={(event) =>
              preferences.set({ ...given, language: event.currentTarget.value as Language })
            }
          >
            {Object.entries(languages).map(([name, { name: label, tag }]) => (
              <option key={name} value={name} lang={tag}>
                {label}
              </option>
            ))}
          </select>
        </div>
      </div>
    </section>
  )
}

interface TextProps {
  label: string
  help: string
  value: string
  wrong?: string | undefined
  isCode?: boolean
  onChange: (value: string) => void
}

function TextField({ label, help, value, wrong, isCode = false, onChange }: TextProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={3}
        class={isCode ? 'code' : ''}
        spellcheck={!isCode}
        value={value}
        aria-invalid={wrong !== undefined}
        aria-describedby={`${id}-help`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <p id={`${id}-help`} class={wrong ? 'help wrong' : 'help'}>
        {wrong ?? help}
      </p>
    </div>
  )
}

function isList(json: string): boolean {
  try {
    return json.trim() === '' || Array.isArray(JSON.parse(json))
  } catch {
    return false
  }
}
