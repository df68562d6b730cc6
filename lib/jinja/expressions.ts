import { binary, negative, positive } from '../python/arithmetic.js'
import { markup } from '../python/markup.js'
import { holds } from '../python/operators.js'
import { str } from '../python/print.js'
import { isTrue, Markup, Undefined, type Value } from '../python/values.js'
import { Computed, type Expression, Operation } from './nodes.js'
import { negated, OperandParser, tupleOf } from './operands.js'

/** Parses expressions, from the operators that bind least to those that bind most, and says what they do. */
export class ExpressionParser extends OperandParser {
  expression(): Expression {
    return this.deeper(() => {
      const { length } = this.unknown
      let value = this.#or()
      while (this.is('name', 'if')) {
        value = this.#conditional(value)
        this.unknown.length = length
      }
      return value
    })
  }

  #conditional(value: Expression): Expression {
    const { at } = this.take()
    const test = this.#or()
    const otherwise = this.skip('name', 'else') ? this.expression() : undefined
    return new Computed(at, (run, scope) => {
      if (isTrue(test.evaluate(run, scope))) return value.evaluate(run, scope)
      if (otherwise !== undefined) return otherwise.evaluate(run, scope)
      return new Undefined(() => 'the inline if-expression evaluated to false and has no else')
    })
  }

  /** Several expressions with commas between them are a tuple. */
  tuple(item = () => this.expression()): Expression {
    const { at } = this.token
    const items = [item()]
    let isTuple = false
    while (this.skip(',')) {
      isTuple = true
      if (this.is('}}') || this.is('%}')) break
      items.push(item())
    }
    return isTuple ? tupleOf(at, items) : (items[0] as Expression)
  }

  /** An expression, or a tuple, in which `if` is no operator. */
  condition(): Expression {
    return this.tuple(() => this.#or())
  }

  #or(): Expression {
    let left = this.#and()
    while (this.is('name', 'or')) left = either(this.take().at, left, this.#and(), true)
    return left
  }

  #and(): Expression {
    let left = this.#not()
    while (this.is('name', 'and')) left = either(this.take().at, left, this.#not(), false)
    return left
  }

  #not(): Expression {
    if (!this.is('name', 'not')) return this.#compare()
    const { at } = this.take()
    return negated(
      at,
      this.deeper(() => this.#not()),
    )
  }

  #compare(): Expression {
    const first = this.#sum()
    const { at } = this.token
    const rest: { operator: string; operand: Expression }[] = []
    for (let operator = this.#comparison(); operator !== undefined; operator = this.#comparison()) {
      rest.push({ operator, operand: this.#sum() })
    }
    if (rest.length === 0) return first
    return new Computed(at, (run, scope) => {
      let left = first.evaluate(run, scope)
      for (const { operator, operand } of rest) {
        const right = operand.evaluate(run, scope)
        run.at = at
        if (!holds(operator, left, right, run.budget)) return false
        left = right
      }
      return true
    })
  }

  #comparison(): string | undefined {
    const isNegated = this.is('name', 'not') && this.is('name', 'in', 1)
    if (isNegated) this.take()
    if (this.skip('name', 'in')) return isNegated ? 'not in' : 'in'
    return ['==', '!=', '<', '<=', '>', '>='].includes(this.token.type) ? this.take().type : undefined
  }

  #leftToRight(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand()
    while (operators.includes(this.token.type)) {
      const { type, at } = this.take()
      left = new Operation(at, [left, operand()], (run, [a, b]) =>
        binary(type, a as Value, b as Value, run.budget),
      )
    }
    return left
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () => this.#concat())
  }

  #concat(): Expression {
    const { at } = this.token
    const { escapes } = this.around
    const items = [this.#product()]
    while (this.skip('~')) items.push(this.#product())
    if (items.length === 1) return items[0] as Expression
    return new Operation(at, items, (run, values) => {
      const isHtml = run.isEscaping(escapes) && values.some((value) => value instanceof Markup)
      let text = ''
      for (const value of values) {
        text += isHtml ? markup(value, run.budget) : str(value, run.budget)
        run.budget.text(text.length)
      }
      return isHtml ? new Markup(text) : text
    })
  }

  #product(): Expression {
    return this.#leftToRight(['*', '/', '//', '%'], () => this.#power())
  }

  #power(): Expression {
    return this.#leftToRight(['**'], () => this.filtersAndTests(this.#unary()))
  }

  #unary(): Expression {
    const { type, at } = this.token
    if (!this.skip('-') && !this.skip('+')) return this.postfix(this.primary())
    const operand = this.deeper(() => this.#unary())
    return this.postfix(
      new Operation(at, [operand], (_run, [value]) =>
        type === '-' ? negative(value as Value) : positive(value as Value),
      ),
    )
  }
}

/** `or` stops at what is true, `and` at what is not. */
function either(at: number, left: Expression, right: Expression, stopsAt: boolean): Expression {
  return new Computed(at, (run, scope) => {
    const value = left.evaluate(run, scope)
    return isTrue(value) === stopsAt ? value : right.evaluate(run, scope)
  })
}
