// Writes native/tokenizer/unicode_classes_data.cc and nfc_data.cc.
//
//   node scripts/make-unicode-tables.mjs unicode-classes.json[.gz]
//
// The input says what the reference tokenizer library takes for \p{L}, \p{N}, \s and NFC: { L, N, s: [first, last][],
// nfc_single: { codePoint: its NFC }, nfc_pairs: [first, second, composed][] }. The library mixes Unicode versions, so the
// tables cannot come from Node alone. Node supplies what the input lacks: word characters and the order of combining classes.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const input = process.argv[2]
if (input === undefined) throw new Error('usage: make-unicode-tables.mjs unicode-classes.json[.gz]')
const raw = readFileSync(input)
const reference = JSON.parse((input.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8'))

// The reference normalises as Unicode 9 did: marks assigned later do not combine. [first, last] of those with a class in Node.
const MARKS_AFTER_UNICODE_9 =
  '7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1add 1ae0-1aeb 1df6-1dfa a82c 10d24-10d27 10d69-10d6d 10eab-10eac ' +
  '10efa-10eff 10f46-10f50 10f82-10f85 11070 1133b 113ce-113d0 1145e 11839-1183a 1193d-1193e 11943 119e0 11a34 11a47 11a99 ' +
  '11d42-11d45 11d97 11f41-11f42 1612f 16ff0-16ff1 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e6e3-1e6f5'

// Its \w is that of Unicode 16: letters and marks that came later are no word characters.
const WORDS_AFTER_UNICODE_16 =
  '88f c5c cdc 1acf-1add 1ae0-1aeb a7ce-a7cf a7d2 a7d4 a7f1 10940-10959 10ec5-10ec7 10efa-10efb 11b60-11b67 11db0-11ddb ' +
  '11de0-11de9 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1e6c0-1e6de 1e6e0-1e6f5 ' +
  '1e6fe-1e6ff 2b73a-2b73f 2cea2-2cead 323b0-33479'

const parseRanges = (text) =>
  text.split(' ').map((range) => {
    const [first, last = first] = range.split('-').map((hex) => Number.parseInt(hex, 16))
    return [first, last]
  })
const newMarks = parseRanges(MARKS_AFTER_UNICODE_9)
const newWords = parseRanges(WORDS_AFTER_UNICODE_16)
const within = (ranges, code) => ranges.some(([first, last]) => code >= first && code <= last)

function* codePoints() {
  for (let code = 0; code < 0x110000; code++) if (code < 0xd800 || code > 0xdfff) yield code
}

function rangesWhere(holds) {
  const ranges = []
  for (const code of codePoints()) {
    if (!holds(code)) continue
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === code - 1) last[1] = code
    else ranges.push([code, code])
  }
  return ranges
}

// Combining classes matter only by their order, which normalisation itself shows: NFD swaps two marks if the second's class is lower.
function combiningClasses() {
  const nfd = (text) => text.normalize('NFD')
  const swaps = (a, b) => nfd(a + b) === b + a && a !== b
  const lowest = '\u0334'
  const highest = '\u0345'
  const classes = [] // sorted; each a list of characters
  for (const code of codePoints()) {
    const char = String.fromCodePoint(code)
    if (code < 0x300 || within(newMarks, code) || nfd(char) !== char) continue
    if (char !== highest && !swaps(highest, char) && !swaps(char, lowest)) continue
    const same = classes.find(([other]) => !swaps(other, char) && !swaps(char, other))
    if (same !== undefined) same.push(char)
    else {
      const at = classes.findIndex(([other]) => swaps(other, char))
      classes.splice(at < 0 ? classes.length : at, 0, [char])
    }
  }
  const order = new Map(
    classes.flatMap((chars, index) => chars.map((char) => [char.codePointAt(0), index + 1])),
  )
  const ranges = []
  for (const code of [...order.keys()].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === code - 1 && last[2] === order.get(code)) last[1] = code
    else ranges.push([code, code, order.get(code)])
  }
  return ranges
}

// A decomposition is one step: [code, first, second or 0]. Pairs that compose are listed apart, since they serve both ways.
function singleDecompositions() {
  const rows = []
  for (const [code, nfc] of Object.entries(reference.nfc_single)) {
    if (reference.nfc_pairs.some(([, , composed]) => composed === Number(code)))
      throw new Error(`${code} composes`)
    rows.push([Number(code), ...nfc, ...Array(3 - nfc.length).fill(0)])
    if (nfc.length > 3) throw new Error(`decomposition of ${code} has ${nfc.length} code points`)
  }
  return rows
}

function wrap(numbers) {
  const lines = ['']
  for (const number of numbers) {
    const text = `${number},`
    if (lines.at(-1).length + text.length > 118) lines.push('')
    lines[lines.length - 1] += text
  }
  return lines.map((line) => `    ${line}`).join('\n')
}

// Ranges are stored as (gap from the end of the last range, length - 1[, value]): half the digits of code points.
function rangeArray(name, comment, ranges) {
  let end = 0
  const numbers = ranges.flatMap(([first, last, value]) => {
    const row = [first - end, last - first, ...(value === undefined ? [] : [value])]
    end = last
    return row
  })
  return `// ${comment}\nconst uint32_t ${name}[${numbers.length}] = {\n${wrap(numbers)}\n};\nconst size_t ${name}_count = ${numbers.length};\n`
}

function rowArray(name, comment, rows) {
  const numbers = rows.flat()
  return `// ${comment}\nconst uint32_t ${name}[${numbers.length}] = {\n${wrap(numbers)}\n};\nconst size_t ${name}_count = ${numbers.length};\n`
}

function write(file, header, arrays) {
  const source = [
    '// clang-format off',
    '// Generated by scripts/make-unicode-tables.mjs. Do not edit.',
    `// From what tokenizers ${reference.tokenizers} does, and Unicode ${process.versions.unicode}.`,
    `#include "tokenizer/${header}"`,
    '',
    'namespace quern {',
    '',
    ...arrays,
    '}  // namespace quern',
    '',
  ].join('\n')
  writeFileSync(new URL(`../native/tokenizer/${file}`, import.meta.url), source)
}

const property = (pattern, except = []) =>
  rangesWhere((code) => pattern.test(String.fromCodePoint(code)) && !within(except, code))
write('unicode_classes_data.cc', 'unicode_data.h', [
  rangeArray('kLetterRanges', '\\p{L}', reference.L),
  rangeArray('kNumberRanges', '\\p{N}', reference.N),
  rangeArray(
    'kNumericRanges',
    'numbers to the Digits step, which follows a later Unicode version than \\p{N}',
    property(/\p{N}/u),
  ),
  rangeArray('kSpaceRanges', '\\s', reference.s),
  rangeArray('kWordRanges', '\\w', property(/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u, newWords)),
])
write('nfc_data.cc', 'unicode_data.h', [
  rangeArray(
    'kCombiningClassRanges',
    'gap, length - 1, rank of the canonical combining class',
    combiningClasses(),
  ),
  rowArray('kCompositions', 'first, second, composed', reference.nfc_pairs),
  rowArray(
    'kDecompositions',
    'code point that NFC replaces, up to three code points (0: none)',
    singleDecompositions(),
  ),
])
