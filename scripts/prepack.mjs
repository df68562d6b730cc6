// npm runs this before it packs a folder. A tarball of the checkout as it is would lack the binaries and carry what only a checkout needs.
console.error(
  'A package of quern is made by `npm run pack`: it builds the binaries, and leaves out what only a checkout needs.',
)
process.exit(1)
