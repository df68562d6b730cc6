export default { serverExternalPackages: ['quern'] } // a native addon cannot be bundled
