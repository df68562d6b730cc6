// The small templates of ../shared/golden/chat/jinja.jsonl, rendered by Jinja2 in transformers' environment.
import { describe, expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import { QuernError } from '../../lib/errors.js'
import { goldenPath, goldensPresent, readJsonLines, requireGoldens } from '../golden.js'

interface Case {
  template: string
  rendered?: string
  error?: { kind: 'raised' | 'template' | 'syntax'; message: string }
}

requireGoldens()

describe.runIf(goldensPresent)('small templates', () => {
  const [head, ...cases] = goldensPresent
    ? readJsonLines<Case & { vars: Record<string, unknown> }>(goldenPath('chat', 'jinja.jsonl'))
    : []
  const { m, ...variables } = head?.vars ?? {}

  test('are all there', () => expect(cases).toHaveLength(111))

  test.each(cases.map((one) => [one.template, one] as const))(
    '%j',
    (_name, { template, rendered, error }) => {
      const render = () => new ChatTemplate(template).render(m as never, { ...variables, m })
      if (error === undefined) return expect(render()).toBe(rendered)
      let thrown: unknown
      try {
        render()
      } catch (caught) {
        thrown = caught
      }
      expect(thrown).toBeInstanceOf(QuernError)
      const { code, message } = thrown as QuernError
      expect(code).toBe(error.kind === 'syntax' ? 'invalid_template' : 'template_error')
      if (error.kind === 'raised') expect(message).toBe(error.message)
      else expect(message).toMatch(/^chat template, line \d+, column \d+: /)
    },
  )
})
