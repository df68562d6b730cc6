import { describe, expect, it } from 'vitest'
import { commandOf, parseDockerfile } from './dockerfile.js'

describe('parseDockerfile', () => {
  it('reads stages, arguments, and lines that go on', () => {
    const text = `# a\nARG BASE=debian:x\nFROM node:1 AS build\nRUN a \\\n  && b\n\nFROM \${BASE}\n# c\nUSER 1\n`
    expect(parseDockerfile(text)).toEqual({
      args: { BASE: 'debian:x' },
      stages: [
        { base: 'node:1', name: 'build', instructions: [{ name: 'RUN', text: 'a && b' }] },
        { base: 'debian:x', name: undefined, instructions: [{ name: 'USER', text: '1' }] },
      ],
    })
  })

  it('refuses what it does not know', () => {
    expect(() => parseDockerfile('FROM a\nRUN <<E\nls\nE\n')).toThrow('not understood: ls')
  })

  it('knows both forms of a command', () => {
    expect(commandOf('["a", "b c"]')).toEqual(['a', 'b c'])
    expect(commandOf('a b')).toEqual(['/bin/sh', '-c', 'a b'])
  })
})
