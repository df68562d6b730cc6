import { expect, test } from 'vitest'
import { clientsInstalled } from './installed.js'

if (clientsInstalled || process.env.CI) {
  test('the clients are installed', () => expect(clientsInstalled, 'CI needs them').toBe(true))
} else {
  test.skip('no clients are here: `npm ci --prefix test/clients` installs them', () => {})
}
