import { iterate } from '../python/operators.js'
import { type Args, Dict, Fault, Func, typeName, Undefined, type Value } from '../python/values.js'
import type { Run } from './run.js'
import type { Scope } from './scope.js'

/** Something that has a value when a template runs. */
export interface Expression {
  /** Where in the source it is. */
  readonly at: number
  evaluate(run: Run, scope: Scope): Value
}

export class Constant implements Expression {
  constructor(
    readonly at: number,
    readonly value: Value,
  ) {}

  evaluate(): Value {
    return this.value
  }
}

export class Name implements Expression {
  constructor(
    readonly at: number,
    readonly name: string,
  ) {}

  evaluate(run: Run, scope: Scope): Value {
    run.budget.spend(1)
    return scope.find(this.name)
  }
}

/** What is computed, a level deeper than what is around it. */
export class Computed implements Expression {
  constructor(
    readonly at: number,
    readonly compute: (run: Run, scope: Scope) => Value,
  ) {}

  evaluate(run: Run, scope: Scope): Value {
    run.budget.enter()
    const value = this.compute(run, scope)
    run.budget.leave()
    return value
  }
}

/** What needs the values of all its operands, from left to right. */
export class Operation extends Computed {
  constructor(at: number, operands: readonly Expression[], operate: (run: Run, values: Value[]) => Value) {
    super(at, (run, scope) => {
      const values = operands.map((operand) => operand.evaluate(run, scope))
      run.at = at
      return operate(run, values)
    })
  }
}

/** The arguments of a call, a filter or a test. */
export class Arguments {
  readonly positional: Expression[] = []
  readonly named = new Map<string, Expression>()
  /** `*items` and `**mapping`. */
  spread: Expression | undefined
  spreadNamed: Expression | undefined

  /** Their values, after that of what a filter or test is for. */
  evaluate(run: Run, scope: Scope, first?: Value, caller?: Value): Args {
    const positional = first === undefined ? [] : [first]
    for (const one of this.positional) positional.push(one.evaluate(run, scope))
    if (this.spread !== undefined) {
      for (const item of iterate(this.spread.evaluate(run, scope), run.budget)) positional.push(item)
    }
    const named = new Map<string, Value>()
    for (const [name, one] of this.named) named.set(name, one.evaluate(run, scope))
    const add = (name: Value, value: Value) => {
      if (typeof name !== 'string') throw new Fault('keywords must be strings')
      if (named.has(name)) throw new Fault(`got multiple values for keyword argument '${name}'`)
      named.set(name, value)
    }
    if (this.spreadNamed !== undefined) {
      const mapping = this.spreadNamed.evaluate(run, scope)
      if (!(mapping instanceof Dict)) throw new Fault(`expected a mapping after **, got ${typeName(mapping)}`)
      run.budget.list(4 * mapping.size())
      for (const [name, value] of mapping.entries.values()) add(name, value)
    }
    if (caller !== undefined) add('caller', caller)
    return { positional, named }
  }
}

export class Call extends Computed {
  constructor(
    at: number,
    readonly callee: Expression,
    readonly args: Arguments,
  ) {
    super(at, (run, scope) => this.call(run, scope))
  }

  /** @param caller The body of a call block, which the macro calls. */
  call(run: Run, scope: Scope, caller?: Value): Value {
    const callee = this.callee.evaluate(run, scope)
    const args = this.args.evaluate(run, scope, undefined, caller)
    run.at = this.at
    if (callee instanceof Func) return callee.call(args)
    throw new Fault(
      callee instanceof Undefined ? callee.describe() : `'${typeName(callee)}' object is not callable`,
    )
  }
}
