import { fileURLToPath } from 'node:url'

/** The device library of test/native/late, which the native tests build: here a GPU's, with what the variables QUERN_LATE_* say is wrong. */
export const lateLibrary = fileURLToPath(new URL('../build/quern_late.so', import.meta.url))
