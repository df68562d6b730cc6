import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'
import { Dialog } from './dialog.tsx'

/** What is known of the models. */
export function ModelDialog({ onClose }: { onClose: () => void }) {
  const words = useWords()
  const { chat } = useShared()
  const models = useStore(chat.server.models)
  return (
    <Dialog title={words.modelInfo} onClose={onClose}>
      {models.map(({ id, status, details, max_model_len }) => (
        <section key={id} aria-label={id}>
          <h3>{id}</h3>
          <dl class="facts">
            <Fact name={words.status} value={words.states[status]} />
            {details && (
              <>
                <Fact name={words.architecture} value={details.architecture} />
                <Fact
                  name={words.contextLength}
                  value={words.tokens((max_model_len ?? 0).toLocaleString())}
                />
                <Fact name={words.weights} value={`${bytes(details.weight_bytes)}, ${details.dtype}`} />
                <Fact
                  name={words.runsOn}
                  value={`${details.device_name ?? details.device} (${details.isa}), ${words.threads(details.threads)}`}
                />
              </>
            )}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  )
}

function bytes(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toFixed(0)} MB` : `${(count / 1e9).toFixed(1)} GB`
}
