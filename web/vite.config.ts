import { defineConfig } from 'vite'

/** Where `npx vite web` finds the API while the page is worked on. */
const server = 'http://127.0.0.1:8080'

export default defineConfig({
  base: './', // an app that is mounted somewhere has its page there
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // a file of its own needs no exception from the content policy
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': server, '/health': server, '/ready': server } },
})
