/** An instruction of a Dockerfile: `RUN`, and what follows it. */
export interface Instruction {
  name: string
  /** What stands behind the name, on one line. */
  text: string
}

/** A stage: what it is made from, and what it does. */
export interface Stage {
  base: string
  name: string | undefined
  instructions: Instruction[]
}

export interface Dockerfile {
  /** The arguments before the first stage, with their defaults. */
  args: Readonly<Record<string, string>>
  stages: Stage[]
}

/** Reads what our Dockerfile is written in: no heredocs, no escapes but a line's end. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  const args: Record<string, string> = {}
  const stages: Stage[] = []
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    const stage = stages.at(-1)
    if (name === 'FROM') stages.push(stageOf(text, args))
    else if (name === 'ARG' && !stage) args[text.split('=')[0] as string] = text.split('=')[1] ?? ''
    else if (name !== '' && stage) stage.instructions.push({ name, text })
    else throw new Error(`a line of the Dockerfile that is not understood: ${line}`)
  }
  return { args, stages }
}

function stageOf(text: string, args: Readonly<Record<string, string>>): Stage {
  const [base = '', , name] = text.split(/\s+/)
  return { base: base.replace(/\$\{(\w+)\}/g, (_, arg) => args[arg] ?? ''), name, instructions: [] }
}

/** What an instruction of the form `["a", "b"]` or `a b` runs, as Docker does. */
export function commandOf(text: string): string[] {
  return text.startsWith('[') ? JSON.parse(text) : ['/bin/sh', '-c', text]
}
