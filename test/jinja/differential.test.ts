// The interpreter against Jinja2 itself: equal text, or both an error.
import { expect, test } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { Template } from '../../lib/jinja/template.js'
import { filters, methods, statements, tests, variables } from './documented.js'
import { TemplateGenerator } from './generator.js'
import { jinja2Present, type Rendered, renderWithJinja2, requireJinja2 } from './jinja2.js'

requireJinja2()

const now = new Date(2025, 2, 4, 5, 6, 7)

function render(template: string): Rendered {
  try {
    return { text: new Template(template).render(variables, now) }
  } catch (error) {
    expect(error, template).toBeInstanceOf(QuernError)
    expect((error as QuernError).code, template).toMatch(/^(template_error|template_limit|invalid_template)$/)
    return { error: (error as Error).message }
  }
}

/** Python prints where an object lies in memory. */
const withoutAddresses = (text: string | undefined) => text?.replace(/<[^<>]*? at 0x[0-9a-f]+>/g, '<object>')

async function compare(templates: string[]): Promise<{ different: string[]; leftOut: number }> {
  const { rendered } = await renderWithJinja2(templates, variables)
  expect(rendered).toHaveLength(templates.length)
  const different: string[] = []
  let leftOut = 0
  templates.forEach((template, i) => {
    const expected = rendered[i] as Rendered
    const ours = render(template)
    if (expected.limit !== undefined) {
      leftOut++
      return
    }
    if (withoutAddresses(ours.text) === withoutAddresses(expected.text)) return
    different.push([template, JSON.stringify(expected), JSON.stringify(ours)].join('\n    '))
  })
  return { different, leftOut }
}

const documented = [
  ...[filters, tests, methods].flatMap((table) =>
    Object.values(table)
      .flat()
      .map((one) => `{{ ${one} }}`),
  ),
  ...Object.values(statements).flat(),
]
/** Random by nature. */
const excepted = ['random']

test.runIf(jinja2Present)('everything that is documented is tried three times or more', async () => {
  const { names } = await renderWithJinja2([], variables)
  const known = { filters: names.filters.filter((name) => !excepted.includes(name)), tests: names.tests }
  for (const name of known.filters)
    expect(filters[name]?.length ?? 0, `filter ${name}`).toBeGreaterThanOrEqual(3)
  for (const name of known.tests) expect(tests[name]?.length ?? 0, `test ${name}`).toBeGreaterThanOrEqual(3)
  for (const [name, ones] of Object.entries({ ...methods, ...statements })) {
    expect(ones.length, name).toBeGreaterThanOrEqual(3)
  }
})

test.runIf(jinja2Present)('what is documented', async () => {
  expect(await compare(documented)).toEqual({ different: [], leftOut: 0 })
})

test.runIf(jinja2Present)('no template takes the reference down', async () => {
  const pass = '{% for x in range(100000) %}'.repeat(2) + '{% endfor %}'.repeat(2)
  const greedy = [
    '{{ "a" * 4000000000 }}',
    '{{ "%04000000000d" % 1 }}',
    pass,
    '{{ "a" * 1000001 }}',
    '{{ 1 }}',
  ]
  const { rendered } = await renderWithJinja2(greedy, {})
  const [memory, time] = [{ limit: 'memory' }, { limit: 'time' }]
  expect(rendered).toEqual([memory, memory, time, { limit: 'text' }, { text: '1' }])
})

const count = 20_000 * Number(process.env.QUERN_FUZZ ?? 1)
const seed = Number(process.env.QUERN_SEED ?? 1)

test.runIf(jinja2Present)(`${count} generated templates, seed ${seed}`, { timeout: 3_600_000 }, async () => {
  const generator = new TemplateGenerator(seed)
  let leftOut = 0
  for (let left = count; left > 0; left -= 5000) {
    const templates = Array.from({ length: Math.min(left, 5000) }, () => generator.template())
    const compared = await compare(templates)
    expect(compared.different).toEqual([])
    leftOut += compared.leftOut
  }
  expect(leftOut, 'templates without an answer to compare with').toBeLessThanOrEqual(count / 500)
})
