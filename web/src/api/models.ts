import { request } from './request.ts'

/** A model of the server. */
export interface ServedModel {
  id: string
  max_model_len: number | null
  status: 'loaded' | 'loading' | 'unloaded'
  progress: { phase: 'download' | 'load'; loaded_bytes: number; total_bytes: number } | null
  details: {
    architecture: string
    generates: boolean
    dtype: string
    weight_bytes: number
    device: string
    device_name?: string | null
    isa: string
    threads: number
  } | null
}

export async function fetchModels(): Promise<ServedModel[]> {
  const { data } = (await (await request('v1/models')).json()) as { data: ServedModel[] }
  return data
}
