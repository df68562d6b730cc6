import { packageVersion } from '../../package.js'
import { Counter, Gauge } from './prometheus.js'

/** What the process has used, under the names that Prometheus's own clients have for it. */
export function processMetrics(): (Counter | Gauge)[] {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  const cpu = new Counter('process_cpu_seconds_total', 'Processor time, of all threads.')
  const resident = new Gauge('process_resident_memory_bytes', 'Memory that is resident.')
  const started = new Gauge('process_start_time_seconds', 'When the process began, in seconds since 1970.')
  const heap = new Gauge('nodejs_heap_size_used_bytes', "Of JavaScript's heap, what is used.")
  const build = new Gauge('quern_build_info', 'The version that runs.')
  cpu.add({}, (user + system) / 1e6)
  resident.set({}, rss)
  started.set({}, Date.now() / 1e3 - process.uptime())
  heap.set({}, heapUsed)
  build.set({ version: packageVersion(), node: process.versions.node }, 1)
  return [cpu, resident, started, heap, build]
}
