// docs/models.md: what loads, from the table of architectures (dist/checkpoint/architectures.js), and what each was compared with, from the list
// of goldens that the tests go by (test/supported-goldens.json).
// usage: make-models-guide.mjs [--check] [page]
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { publishedModels } from './published-models.mjs'
import { report } from './report.mjs'
import { root } from './run.mjs'

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true })
const page = positionals[0] ?? join(root, 'docs/models.md')
const compiled = join(root, 'dist/checkpoint/architectures.js')
if (!existsSync(compiled)) refuse('dist/ is absent; `npm run build:lib` makes it')
const { architectures } = createRequire(import.meta.url)(compiled)
const goldens = JSON.parse(readFileSync(join(root, 'test/supported-goldens.json'), 'utf8'))

function refuse(reason) {
  report('models', [reason])
  process.exit(1)
}

const number = (value) => value.toLocaleString('en')
const code = (text) => `\`${text}\``

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

const opening = `# Models

What loads, and what it was compared with. This page is written by \`scripts/make-models-guide.mjs\`, from the table in
\`lib/checkpoint/architectures.ts\` and the list of goldens that the tests go by; \`npm test\` refuses one that is older than they are.

${table(
  ['family', '`model_type`', 'published checkpoints'],
  architectures.map(({ modelType }) => {
    const { name, checkpoints } = published(modelType)
    return [`[${name}](#${anchor(headingOf(modelType))})`, code(modelType), checkpoints]
  }),
)}

Anything else is refused with the code \`unsupported_model\` by its name, and never run as something that it resembles.

## What holds for all

- **Files**: a folder or a repository of the [hub](hub-and-cache.md) with \`config.json\` as transformers 4 or 5 writes it, and safetensors in one or several
  files. Weights are float32, float16 or bfloat16, mixed as they come, and may be [converted](formats.md) while they are loaded.
- **Names of tensors** may begin with \`model.\`, \`model.language_model.\`, \`language_model.model.\` or nothing, whoever saved them; where
  \`embed_tokens.weight\` stands tells which. Without a beginning and without \`lm_head.weight\` it is a model that [embeds](embeddings.md) and does not
  generate (\`test/tasks/embed.test.ts\` compares with the golden \`qwen3-embedding\`).
- **Tied embeddings** may be stored once, under either name, or twice; where the two differ the stored output matrix is used, with a warning.
- **Models that see**: their decoder is run for text. What is not part of it is not read; \`load()\` warns once, and \`inspect()\` tells (\`leftOut\`), how much that is.
  Images are refused.
- **Positions**: \`positionEncoding\` of \`load()\`, \`--position-encoding\` or \`position_encoding\` in config.json make every layer go by \`rope\`, \`alibi\` or \`rope+alibi\`,
  for models that were trained so.
- **Scalings that depend on the length** (\`dynamic\`, \`longrope\`), beyond the original context: a prompt is turned by its own length. What is generated
  behind it is turned, with \`dynamic\`, token by token by the length so far, as Hugging Face's \`generate()\` does, so \`logits()\` of the whole text differ;
  with \`longrope\` a text that crosses the limit is computed anew.
- **Refused**: weights that are quantized in the file (\`fp8\`, \`awq\`, \`gptq\`, \`compressed-tensors\`), activation functions other than SiLU, an unknown kind of rotary scaling,
  layers of other types than attention, in families whose config.json says types. Each would change what the model says.

## How it is compared

\`test/model/golden.test.ts\` loads each golden below, a small model with random weights in the form of real ones, with \`precision: 'exact'\`, and compares with what Hugging Face transformers
computed in float32: the logits of every prompt within the golden's own tolerance, the next 48 tokens one by one, the logits at their end, and
where the text stops. With 16 bits for keys and values (\`precision: 'fast'\`) logits may be off by 0.07.
`

function published(modelType) {
  const found = publishedModels[modelType]
  return found ?? refuse(`scripts/published-models.mjs says nothing of ${modelType}`)
}

function headingOf(modelType) {
  return published(modelType).name
}

/** As GitHub makes it of a heading. */
function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

function describeConfig({ modelType, textType, className, baseClassName, defaults }) {
  const classes = `${code(className)} or ${code(baseClassName)}`
  const inside = textType === undefined ? '' : ` around a \`text_config\` of ${code(textType)}`
  const absent = [
    `a context of ${number(defaults.contextLength)}`,
    `\`rope_theta\` ${number(defaults.ropeTheta)}`,
    `\`rms_norm_eps\` ${defaults.normEps}`,
    defaults.kvHeads === undefined
      ? 'as many heads of keys and values as of queries'
      : `${defaults.kvHeads} heads of keys and values`,
    defaults.headDim === undefined ? 'heads of hidden size / heads' : `heads of ${defaults.headDim}`,
    ...(defaults.stopTokens === undefined ? [] : [`the end token ${defaults.stopTokens.join(', ')}`]),
  ]
  return `${code(modelType)}${inside}, ${classes}; where config.json is silent, ${absent.join(', ')}`
}

function describeTensors({ prefix, qkNorm, qkvBias, tensors, fused }) {
  const together = fused.map((kinds) => `${kinds.join(', ')} in one (${code(prefix + tensors[kinds[0]])})`)
  return [
    `${code(prefix)}…`,
    qkNorm ? 'a norm over each query and key head' : 'no norms over heads',
    qkvBias ? 'biases on queries, keys and values' : 'no biases',
    ...together,
  ].join('; ')
}

function describePositions({ rotary }) {
  const longrope = rotary === 'part or longrope'
  const scalings = ['linear', 'dynamic', longrope ? 'longrope' : 'yarn', 'llama3'].map(code).join(', ')
  const part = longrope
    ? 'rotary, of the whole head or of the part that `partial_rotary_factor` says'
    : 'rotary, of the whole head'
  return `${part}; scalings ${scalings}${longrope ? ' (`su` and `yarn` mean `longrope` here)' : ''}`
}

function describeWindow({ window, defaults }) {
  if (window === 'none') return 'none; every token sees all before it'
  const silent = defaults.window === undefined ? 'none' : number(defaults.window)
  return window === 'always'
    ? `\`sliding_window\` in every layer (null: none; silent: ${silent})`
    : `\`sliding_window\` where \`use_sliding_window\` is true, in the layers that \`layer_types\` or \`max_window_layers\` choose (silent: ${silent})`
}

function describeRefusals({ readsAttentionBias, readsMlpBias, rotary, window, textType }) {
  const refused = [
    ...(readsAttentionBias ? ['`attention_bias: true` (biases on all four projections)'] : []),
    ...(readsMlpBias ? ['`mlp_bias: true`'] : []),
    ...(rotary === 'whole' ? ['`partial_rotary_factor` below 1', '`longrope`'] : []),
    ...(window === 'switched' ? ['`layer_types` other than full and sliding attention'] : []),
    ...(textType === undefined
      ? ['a `text_config`']
      : [`a \`text_config\` of another type than ${code(textType)}`]),
  ]
  return `${refused.join(', ')}: there is no arithmetic for them yet`
}

function describeJudge(judge) {
  return judge === 'reference.py' ? 'a reference in float64, since transformers has no such option' : judge
}

function comparison(modelType) {
  const own = goldens.filter(({ family }) => family === modelType)
  const inside = goldens.filter(({ nestedIn }) => nestedIn === modelType)
  const rows = [...own, ...inside].map(({ name, about, judge, prompts, greedy }) => [
    code(name),
    about,
    describeJudge(judge),
    `logits of ${prompts} prompts, 48 tokens after ${greedy}`,
  ])
  if (rows.length === 0) refuse(`test/supported-goldens.json has no golden of ${modelType}`)
  const made =
    inside.length === 0
      ? ''
      : '\n\nThere is no golden of the whole model: `test/model/nested.test.ts` makes these a part of one, by its names and its config, and asks for the bits of the plain model too.'
  return `${table(['golden', 'what it has', 'numbers of', 'compared'], rows)}${made}`
}

function section(row) {
  const { modelType } = row
  const { checkpoints, tokenizer } = published(modelType)
  return `## ${headingOf(modelType)}

- **Published**: ${checkpoints}
- **config.json**: ${describeConfig(row)}
- **Tensors**: ${describeTensors(row)}
- **Positions**: ${describePositions(row)}
- **Window**: ${describeWindow(row)}
- **Tokenizer**: ${tokenizer}
- **Refused**: ${describeRefusals(row)}

${comparison(modelType)}
`
}

const text = [opening, ...architectures.map(section)].join('\n')
if (values.check) {
  const isFresh = existsSync(page) && readFileSync(page, 'utf8') === text
  const stale = `${page} is older than the table or the goldens; \`npm run build:lib && npm run models\` writes it`
  report('models', isFresh ? [] : [stale], `${architectures.length} families, ${goldens.length} goldens`)
} else writeFileSync(page, text)
