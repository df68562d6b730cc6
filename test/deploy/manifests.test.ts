// deploy/kubernetes and compose.yaml: against the schemas of their kinds, and against what the server really has.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { endpoints } from '../../lib/server/endpoints.js'
import { createApp } from '../../lib/server/index.js'
import { quern } from '../cli/quern.js'
import { requirePresent } from '../require-present.js'
import { parseDockerfile } from './dockerfile.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = join(root, 'build/kubernetes-validate')
const hasPackages = existsSync(join(packages, 'kubernetes_validate'))
const install = 'python3 -m pip install --target build/kubernetes-validate kubernetes-validate==1.37.0'
requirePresent('kubernetes-validate', hasPackages ? undefined : install)

// biome-ignore lint/suspicious/noExplicitAny: the schemas say what is in them
type Manifest = any

function read(...paths: string[]): Manifest[] {
  const program = [
    join(root, 'test/deploy/manifests.py'),
    join(root, 'test/deploy/inference-pool.schema.json'),
  ]
  const { status, stdout, stderr } = spawnSync('python3', [...program, ...paths], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: packages },
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

describe.runIf(hasPackages)('the manifests', () => {
  const folder = join(root, 'deploy/kubernetes')
  let manifests: Manifest[]
  let find: (kind: string) => Manifest
  const dockerfile = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  const said = (name: string) => dockerfile.stages.at(-1)?.instructions.find((one) => one.name === name)?.text

  beforeAll(() => {
    manifests = read(...readdirSync(folder).map((name) => join(folder, name)))
    find = (kind) => manifests.find((one) => one.kind === kind)
  })

  it('are what their kinds must be', () => {
    const kinds = manifests.map(({ kind }) => kind ?? 'values')
    expect(kinds.sort()).toEqual(
      [
        'Deployment',
        'HorizontalPodAutoscaler',
        'InferencePool',
        'PersistentVolumeClaim',
        'Service',
        'values',
      ].sort(),
    )
  })

  it('probe endpoints that are there, without a key', () => {
    const { containers } = find('Deployment').spec.template.spec
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { path, port } = containers[0][probe].httpGet
      expect(endpoints.find((row) => row.path === path)).toMatchObject({ method: 'get', isOpen: true })
      expect(containers[0].ports).toContainEqual({ name: port, containerPort: Number(said('EXPOSE')) })
    }
  })

  it('agree with the image, and with each other', () => {
    const { template, selector } = find('Deployment').spec
    const [container] = template.spec.containers
    const [service] = find('Service').spec.ports
    const pool = find('InferencePool').spec
    expect(container.ports[0].name).toBe(service.targetPort)
    expect(pool.targetPorts).toEqual([{ number: container.ports[0].containerPort }])
    for (const one of [selector.matchLabels, find('Service').spec.selector, pool.selector.matchLabels])
      expect(template.metadata.labels).toEqual(one)
    expect(container.volumeMounts[0].mountPath).toBe(said('VOLUME'))
    expect(template.spec.volumes[0].persistentVolumeClaim.claimName).toBe(
      find('PersistentVolumeClaim').metadata.name,
    )
    const { runAsUser, runAsGroup, fsGroup } = template.spec.securityContext
    expect(`${runAsUser}:${runAsGroup} ${fsGroup}`).toBe(`${said('USER')} ${runAsGroup}`)
    expect(find('HorizontalPodAutoscaler').spec.scaleTargetRef.name).toBe(find('Deployment').metadata.name)
  })

  it('scale by a metric that the server gives', async () => {
    const [rule] = manifests.find((one) => one.kind === undefined).rules.custom
    const [metric] = find('HorizontalPodAutoscaler').spec.metrics
    expect(metric.pods.metric.name).toBe(rule.name.as)
    const [, series] = /__name__="([^"]+)"/.exec(rule.seriesQuery) ?? []
    const text = await (await createApp({ models: { tiny: {} } }).request('/metrics')).text()
    expect(text).toMatch(new RegExp(`^# TYPE ${series} gauge$`, 'm'))
  })

  it('give flags that quern serve has', async () => {
    const { out } = await quern('serve', '--help')
    const [compose] = read(join(root, 'compose.yaml'))
    const { args } = find('Deployment').spec.template.spec.containers[0]
    for (const text of [...args, ...compose.services.quern.command, ...JSON.parse(said('ENTRYPOINT') ?? '')])
      if (text.startsWith('--')) expect(out).toContain(`${text} <`)
    expect(compose.services.quern.ports).toEqual([`127.0.0.1:${said('EXPOSE')}:${said('EXPOSE')}`])
    expect(compose.services.quern.volumes).toEqual([`models:${said('VOLUME')}`])
  })

  it('would be told what is wrong', () => {
    expect(() => read(join(root, 'test/deploy/wrong-pool.yaml'))).toThrow('targetPort')
  })
})
