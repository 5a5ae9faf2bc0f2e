import { useState } from 'preact/hooks'
import { models as routes } from '../api/routes'
import type { Model } from '../api/types'
import { mendFocus } from '../state/focus'
import { fetchModels } from '../state/models'
import { say, warn, wordsOf } from '../state/notices'
import { useMay } from '../state/session'
import { bytes } from '../text/figures'
import { text } from '../text/models'

interface Props {
  model: Model
  /** Whether it answers where none is named. */
  standard: boolean
  onDetails: () => void
  onDelete: () => void
}

/** A model: what it is, whether memory has room for it, and what can be done with it. */
export function ModelRow({ model: m, standard, onDetails, onDelete }: Props) {
  const mayDelete = useMay('models')
  const [busy, setBusy] = useState(false)
  const loading = m.state === 'waiting' || m.state === 'loading'
  const act = async (fn: (name: string) => Promise<Model>, done: (name: string) => string) => {
    setBusy(true)
    try {
      await fn(m.name)
      say(done(m.name))
    } catch (e) {
      warn(text.notDone(m.name, wordsOf(e)))
    }
    setBusy(false)
    await fetchModels()
    mendFocus()
  }
  const facts = [bytes(m.size), m.parameters, m.quantization, m.family].filter(Boolean)
  return (
    <li class="listed">
      <div class="row-main">
        <div class="row-title">
          <span class="row-name" dir="auto">{m.name}</span>
          {standard && <span class="badge">{text.standard}</span>}
          {m.reasoning && <span class="badge">{text.reasoning}</span>}
          {m.tools && <span class="badge">{text.tools}</span>}
          {m.state && <span class={m.state === 'ready' ? 'badge good' : 'badge'}>{text.state(m.state, m.done)}</span>}
        </div>
        <div class="hint" dir="auto">{facts.join(' · ')}</div>
        <div class={m.fits > 0 ? 'hint' : 'error'}>{text.fits(m.fits, m.context)}</div>
        {loading && <progress aria-label={text.loadingOf(m.name)} max={1} {...(m.done !== undefined && { value: m.done })} />}
      </div>
      <div class="buttons">
        <button type="button" class="button small" aria-label={text.detailsOf(m.name)} onClick={onDetails}>{text.details}</button>
        {!m.state
          ? <button key="load" type="button" class="button small" aria-label={text.loadName(m.name)} disabled={busy} onClick={() => void act(routes.load, text.loaded)}>{text.load}</button>
          : mayDelete && <button key="load" type="button" class="button small" aria-label={text.unloadName(m.name)} onClick={() => void act(routes.unload, text.unloaded)}>{text.unload}</button>}
        {mayDelete && <button type="button" class="button small" aria-label={text.deleteName(m.name)} onClick={onDelete}>{text.delete}</button>}
      </div>
    </li>
  )
}
