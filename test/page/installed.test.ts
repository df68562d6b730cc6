import { existsSync } from 'node:fs'
import { requirePresent } from '../require-present.ts'
import { chromium } from './installed.ts'

requirePresent('Chromium', existsSync(chromium) ? undefined : 'apt-get install chromium')
