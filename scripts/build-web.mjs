// Builds the page from web/, with each file packed by Brotli and gzip: the server sends them as they are. What nothing has changed since is
// copied from the last time.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { root } from './run.mjs'
import { sources } from './sources.mjs'

/** What is built into the page. */
const bundled = ['preact', 'marked', 'dompurify', 'highlight.js', 'temml']

/** Builds the page into the folder. */
export async function buildWeb(folder) {
  const kept = join(root, 'build', `web-${digest()}`)
  if (!existsSync(kept)) {
    const made = `${kept}-${process.pid}`
    rmSync(made, { recursive: true, force: true })
    await bundle(made)
    pack(made)
    writeFileSync(join(made, 'licenses.txt'), licenses())
    for (const name of readdirSync(join(root, 'build')))
      if (/^web-[0-9a-f]{16}$/.test(name)) rmSync(join(root, 'build', name), { recursive: true, force: true })
    if (existsSync(kept)) rmSync(made, { recursive: true })
    else renameSync(made, kept)
  }
  mkdirSync(folder, { recursive: true })
  cpSync(kept, folder, { recursive: true })
}

/** Of all that decides what the page becomes. */
function digest() {
  const hash = createHash('sha256')
  const files = [...sources(root, 'web', ['']), 'package-lock.json', 'scripts/build-web.mjs']
  for (const path of files)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}

async function bundle(outDir) {
  const { build } = await import('vite')
  await build({ root: join(root, 'web'), logLevel: 'warn', build: { outDir, emptyOutDir: true } })
}

function pack(folder) {
  for (const path of sources(folder, '.', [''])) {
    const file = join(folder, path)
    const bytes = readFileSync(file)
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }))
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
    rmSync(file)
  }
}

/** The licences of what is built in, which go where it goes. */
function licenses() {
  return bundled
    .map((name) => {
      const folder = join(root, 'node_modules', name)
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
      return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8') : ''}`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
