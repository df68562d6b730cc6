// npm runs this before it packs a folder, and before the script `pack`, which is the way to do it. A tarball of the checkout as it is would
// lack the binaries and carry what only a checkout needs.
if (process.env.npm_command === 'pack' || process.env.npm_command === 'publish') {
  console.error(
    'A package of quern is made by `npm run pack`: it builds the binaries, and leaves out what only a checkout needs.',
  )
  process.exit(1)
}
