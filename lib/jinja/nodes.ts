import type { Value } from '../python/values.js'

/** What a template consists of. `at` is the place in its source. */
export type Expression = { readonly at: number } & (
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression }
  | {
      readonly kind: 'slice'
      readonly object: Expression
      readonly bounds: readonly (Expression | undefined)[]
    }
  | { readonly kind: 'call'; readonly callee: Expression; readonly args: Arguments }
  | FilterNode
  | { readonly kind: 'test'; readonly operand: Expression; readonly name: string; readonly args: Arguments }
  | { readonly kind: 'not' | 'negative' | 'positive'; readonly operand: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'binary'
      readonly operator: string
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'concat'; readonly items: readonly Expression[]; readonly escapes: Escape }
  | {
      readonly kind: 'compare'
      readonly first: Expression
      readonly rest: readonly { readonly operator: string; readonly operand: Expression }[]
    }
  | {
      readonly kind: 'if'
      readonly test: Expression
      readonly value: Expression
      readonly otherwise: Expression | undefined
    }
)

/** A filter, or a chain of them; without an operand it takes the text of a block. */
export interface FilterNode {
  readonly at: number
  readonly kind: 'filter'
  readonly operand: Expression | undefined
  readonly name: string
  readonly args: Arguments
}

export interface Arguments {
  readonly positional: readonly Expression[]
  readonly named: readonly (readonly [string, Expression])[]
  /** `*items` and `**mapping`. */
  readonly spread: Expression | undefined
  readonly spreadNamed: Expression | undefined
}

/** Whether HTML is escaped: as `autoescape` around it says, or only known when it runs. */
export type Escape = boolean | 'running'

/** What is assigned to: a name, a namespace's attribute, or several. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'field'; readonly name: string; readonly field: string; readonly at: number }
  | { readonly kind: 'targets'; readonly items: readonly Target[]; readonly at: number }

/** Statements with names of their own. */
export interface Body {
  readonly statements: readonly Statement[]
  /** Names that are undefined until they are set here, whatever they are in the context: Jinja decides it for the whole of a body. */
  readonly hidden: readonly string[]
}

/** What a macro, or the block that calls one, takes. */
export interface MacroNode {
  readonly name: string | undefined
  readonly parameters: string[]
  /** Of the last parameters. */
  readonly defaults: readonly Expression[]
  readonly body: Body
  readonly usesCaller: boolean
  readonly usesNamed: boolean
  readonly usesPositional: boolean
}

export type Statement =
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression; readonly escapes: Escape }
  | {
      readonly kind: 'for'
      readonly at: number
      readonly target: Target
      readonly items: Expression
      readonly test: Expression | undefined
      readonly isRecursive: boolean
      readonly body: Body
      readonly otherwise: Body
    }
  | {
      readonly kind: 'branches'
      readonly branches: readonly { readonly test: Expression; readonly statements: readonly Statement[] }[]
      readonly otherwise: readonly Statement[]
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: 'capture'
      readonly target: Target
      readonly filter: FilterNode | undefined
      readonly body: Body
    }
  | { readonly kind: 'macro'; readonly macro: MacroNode }
  | {
      readonly kind: 'callBlock'
      readonly call: Extract<Expression, { kind: 'call' }>
      readonly macro: MacroNode
    }
  | { readonly kind: 'filterBlock'; readonly filter: FilterNode; readonly body: Body }
  | {
      readonly kind: 'with'
      readonly bindings: readonly (readonly [Target, Expression])[]
      readonly body: Body
    }
  | { readonly kind: 'autoescape'; readonly value: Expression; readonly body: Body }
  | { readonly kind: 'block'; readonly name: string; readonly isScoped: boolean }
  | { readonly kind: 'scope'; readonly body: Body }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'missing'; readonly what: string; readonly at: number }

export interface Program {
  readonly body: Body
  readonly blocks: ReadonlyMap<string, Body>
}
