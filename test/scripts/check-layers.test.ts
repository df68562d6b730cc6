import { describe, expect, test } from 'vitest'
import { makeTree, runScript } from './tree.js'

function problemsOf(files: Record<string, string>): string[] {
  const { exitCode, lines } = runScript('check-layers.mjs', makeTree(files))
  expect(exitCode).toBe(lines.length > 1 ? 1 : 0)
  return lines.slice(1).map((line) => line.trim())
}

/** Without what would be allowed: the table of layers grows, and says it itself. */
const withoutLists = (problems: string[]) =>
  problems.map((problem) => problem.replace(/ \(may (import|include): .+\)$/, ' (may $1: …)'))

describe('TypeScript', () => {
  test('imports along the layers are fine', () => {
    const files = {
      'lib/index.ts': "export { load } from './model/load.js'\nexport { QuernError } from './errors.js'\n",
      'lib/cli/main.ts':
        "import { load } from '../index.js'\nimport { run } from './run.js'\nimport 'commander'\n",
      'lib/model/load.ts': "import { generation } from '../generation/generation.js'\n",
      'lib/tokenizer/tokenizer.ts': "import '../native/binding.js'\nimport '../errors.js'\n",
      'lib/jinja/template.ts': "import { str } from '../python/print.js'\n",
    }
    expect(problemsOf(files)).toEqual([])
    expect(runScript('check-layers.mjs', makeTree(files)).lines).toEqual([
      'layers: 5 TypeScript and 0 C++ files import one way',
    ])
  })

  test('imports against the layers are named with their line, in every form', () => {
    const problems = problemsOf({
      'lib/cli/main.ts': "import { load } from '../model/load.js'\n",
      'lib/generation/a.ts': "import type { Model } from '../model/model.js'\n",
      'lib/generation/b.ts': "\nexport * from '../model/model.js'\n",
      'lib/hub/c.ts': "const binding = await import('../native/binding.js')\n",
      'lib/native/d.ts': "type Plan = import('../model/plan.js').ModelPlan\n",
      'lib/errors.ts': "const { Model } = require('./model/model.js')\n",
      'lib/chat/e.ts': "import '../../scripts/report.mjs'\n",
      'lib/checkpoint/g.ts': "import type { Run } from '../generation/run.js'\nimport '../model/load.js'\n",
      'lib/misc/f.ts': '',
      'lib/python/values.ts': "import { Scope } from '../jinja/scope.js'\n",
    })
    expect(withoutLists(problems)).toEqual([
      'lib/chat/e.ts:1: imports scripts/report.mjs, outside lib/',
      'lib/checkpoint/g.ts:1: checkpoint imports generation (may import: …)',
      'lib/checkpoint/g.ts:2: checkpoint imports model (may import: …)',
      'lib/cli/main.ts:1: cli imports model (may import: …)',
      'lib/errors.ts:1: errors.ts imports model (may import: …)',
      'lib/generation/a.ts:1: generation imports model (may import: …)',
      'lib/generation/b.ts:2: generation imports model (may import: …)',
      'lib/hub/c.ts:1: hub imports native (may import: …)',
      'lib/misc/f.ts: lib/misc has no place in the layers',
      'lib/native/d.ts:1: native imports model (may import: …)',
      'lib/python/values.ts:1: python imports jinja (may import: …)',
    ])
    expect(problems).toContain('lib/errors.ts:1: errors.ts imports model (may import: nothing)')
  })

  test('files that import each other are named, whether by types or by way of a third', () => {
    const problems = problemsOf({
      'lib/cli/a.ts': "import { b } from './b.js'\n",
      'lib/cli/b.ts': "import type { A } from './a.js'\n",
      'lib/cli/main.ts': "import { a } from './a.js'\n",
      'lib/python/a.ts': "import './b.js'\n",
      'lib/python/b.ts': "export { c } from './c.js'\n",
      'lib/python/c.ts': "import { a } from './a.js'\n",
      'lib/jinja/run.ts': "import { tag } from './tags.js'\nimport './loop.js'\n",
      'lib/jinja/tags.ts': "import type { Run } from './run.js'\n",
      'lib/jinja/loop.ts': "import { run } from './run.js'\n",
    })
    expect(problems).toEqual([
      'lib/cli/a.ts ↔ lib/cli/b.ts: import each other',
      'lib/jinja/loop.ts ↔ lib/jinja/run.ts: import each other',
      'lib/python/a.ts ↔ lib/python/b.ts ↔ lib/python/c.ts: import each other',
    ])
  })

  test('members are private at run time; only a constructor cannot be', () => {
    const problems = problemsOf({
      'lib/python/a.ts': 'export class A {\n  #fine = 1\n  private constructor() {}\n}\n',
      'lib/python/b.ts': 'export class B {\n  private loose = 1\n  private run(): void {}\n}\n',
      'lib/python/c.ts': 'export class C {\n  constructor(private readonly text: string) {}\n}\n',
    })
    expect(problems).toEqual([
      'lib/python/b.ts:2: private by name only: write #loose',
      'lib/python/b.ts:3: private by name only: write #run',
      'lib/python/c.ts:2: private by name only: write #text',
    ])
  })

  test('three places read process.env', () => {
    const reads = 'export const home = process.env.HOME\n'
    const problems = problemsOf({
      'lib/cli/main.ts': reads,
      'lib/hub/environment.ts': reads,
      'lib/native/load-binding.ts': reads,
      'lib/hub/download.ts': `// process.env is read elsewhere\n${reads}`,
      'lib/model/load.ts': "import { env } from 'node:process'\n",
    })
    expect(problems).toEqual([
      'lib/hub/download.ts:2: reads process.env',
      'lib/model/load.ts:1: reads process.env',
    ])
  })
})

describe('C++', () => {
  test('includes along the layers are fine, by either way of writing the path', () => {
    const problems = problemsOf({
      'native/binding/addon.cc': '#include <napi.h>\n#include "engine/engine.h"\n#include "model.h"\n',
      'native/binding/model.h': '',
      'native/engine/engine.h': '#include "backend/backend.h"\n#include "model/decoder.h"\n',
      'native/backend/backend.h': '#include "core/tensor.h"\n#include <vector>\n',
      'native/backend/cpu/cpu.cc':
        '#include "kernels/rope.h"\n#include "../backend.h"\n#include "core/error.h"\n',
      'native/backend/cpu/kernels/rope.h': '#include <cstdint>\n#include "simd.h"\n#include "core/dtype.h"\n',
      'native/backend/cpu/kernels/simd.h': '',
      'native/backend/cuda/device.cc': '#include <cuda_runtime.h>\n',
      'native/core/error.h': '',
      'native/core/tensor.h': '#include "error.h"\n// #include "engine/engine.h"\n',
    })
    expect(problems).toEqual([])
  })

  test('includes against the layers are named', () => {
    const problems = problemsOf({
      'native/core/file.cc': '#include "engine/engine.h"\n#include <node_api.h>\n',
      'native/engine/engine.cc': '#include "backend/cpu/cpu.h"\n#include <cuda.h>\n',
      'native/backend/backend.h': '#include "model/config.h"\n#include <napi.h>\n',
      'native/backend/cpu/kernels/rope.cc': '#include "core/tensor.h"\nvoid f(Tensor x, std::string y);\n',
      'native/backend/cuda/cuda.cc': '#include "backend/cpu/cpu.h"\n',
      'native/tools/dump.cc': '',
    })
    expect(withoutLists(problems)).toEqual([
      'native/backend/backend.h:1: backend includes model/config.h (may include: …)',
      'native/backend/backend.h:2: <napi.h> outside native/binding',
      'native/backend/cpu/kernels/rope.cc:1: backend/cpu/kernels includes core/tensor.h (may include: …)',
      'native/backend/cpu/kernels/rope.cc:2: a kernel takes raw pointers and one struct, no Tensor, std::string or std::vector',
      'native/backend/cuda/cuda.cc:1: backend/cuda includes backend/cpu/cpu.h (may include: …)',
      'native/core/file.cc:1: core includes engine/engine.h (may include: …)',
      'native/core/file.cc:2: <node_api.h> outside native/binding',
      'native/engine/engine.cc:1: engine includes backend/cpu/cpu.h (may include: …)',
      'native/engine/engine.cc:2: <cuda.h> outside native/backend/cuda and native/emulator',
      'native/tools/dump.cc: has no place in the layers',
    ])
  })

  test('no architecture has a name here, and no device is asked for', () => {
    const problems = problemsOf({
      'native/model/decoder.cc':
        '// as Qwen3 does\nif (is_qwen()) {}\nLlamaConfig c;\nphilox(seed); graphics();\n',
      'native/model/rope.cc': 'case RopeScaling::kLlama3:  // "llama3"\n',
      'native/tokenizer/bpe.cc': '// Llama 3 splits digits so\nauto mode = "mistral";\n',
      'native/engine/engine.cc': 'if (device == Device::cpu) {}\nif (model.device() != cuda) {}\n',
      'native/core/tensor.h': 'bool same = device == other.device;\n',
    })
    expect(problems).toEqual([
      'native/engine/engine.cc:1: asks which device it runs on',
      'native/engine/engine.cc:2: asks which device it runs on',
      'native/model/decoder.cc:1: the name of an architecture: Qwen',
      'native/model/decoder.cc:2: the name of an architecture: qwen',
      'native/model/decoder.cc:3: the name of an architecture: Llama',
      'native/tokenizer/bpe.cc:2: the name of an architecture: mistral',
    ])
  })
})
