import { requirePresent } from '../require-present.js'
import { clientsInstalled } from './installed.js'

requirePresent("npm's clients", clientsInstalled ? undefined : 'npm ci --prefix test/clients')
