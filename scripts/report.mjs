/** Ends a check: one line when all is well, or the list of what is wrong and exit code 1. */
export function report(name, problems, fine) {
  if (problems.length === 0) {
    console.log(`${name}: ${fine}`)
    return
  }
  console.error(`${name}: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`)
  for (const problem of problems) console.error(`  ${problem}`)
  process.exitCode = 1
}
