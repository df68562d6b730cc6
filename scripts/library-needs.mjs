import { execFileSync } from 'node:child_process'

/** What a shared library asks of the system: libraries by name, and versions of symbols by what has them (`GLIBC`, `GLIBCXX` …). */
export function libraryNeeds(path) {
  const read = (...args) =>
    execFileSync('readelf', [...args, '--wide', path], { encoding: 'utf8', maxBuffer: 1 << 28 })
  const libraries = [...read('--dynamic').matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name)
  const versions = [...read('--version-info').matchAll(/Name: ([A-Z]+)_([0-9.]+)/g)].map(
    ([, of, version]) => ({ of, version }),
  )
  return { libraries, versions }
}

/** Whether every system with glibc has it. */
export function isOfTheSystem(library) {
  return /^(lib(c|m|dl|rt|pthread|gcc_s)|ld-linux-x86-64)\.so\.\d+$/.test(library)
}
