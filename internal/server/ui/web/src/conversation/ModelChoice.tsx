import type { Parameters } from '../api/types'
import { models } from '../state/models'
import { useStore, type Store } from '../state/store'
import { text } from '../text/conversation'
import { setParameters } from './delivery'
import { keepModel } from './model'
import { withValue } from './parameters'
import type { Thread } from './thread'

/** Which model answers. of: the parameters that it belongs to. */
export function ModelChoice({ t, name, of }: { t: Thread; name: string; of: Store<Parameters> | Store<Parameters | null> }) {
  const known = useStore(models)
  const chosen = useStore(of as Store<Parameters | null>, p => p?.model)
  const value = chosen ?? known?.default ?? ''
  const names = known?.models.map(m => m.name) ?? []
  const choose = (model: string) => {
    if (of === t.parameters) {
      setParameters(t, withValue(t.parameters.get(), 'model', model))
      if (!t.secret) keepModel(model)
    } else t.second.update(p => (p ? withValue(p, 'model', model) : p))
  }
  return (
    <select class="model" aria-label={name} title={name} value={value} onChange={e => choose(e.currentTarget.value)}>
      {names.length === 0 && value === '' && <option value="">{known ? text.noModel : '…'}</option>}
      {value !== '' && !names.includes(value) && <option value={value}>{known ? text.absent(value) : value}</option>}
      {names.map(n => <option key={n} value={n}>{n}</option>)}
    </select>
  )
}
