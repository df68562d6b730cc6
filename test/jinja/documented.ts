// What Jinja2's documentation lists, at least three times each: expressions for filters, tests and methods, templates for statements.
import { fixturePath, readJson } from '../golden.js'

interface Documented {
  /** What all of them are rendered with. */
  variables: Record<string, unknown>
  filters: Record<string, string[]>
  tests: Record<string, string[]>
  methods: Record<string, string[]>
  statements: Record<string, string[]>
}

export const { variables, filters, tests, methods, statements } = readJson<Documented>(
  fixturePath('jinja', 'documented.json'),
)
