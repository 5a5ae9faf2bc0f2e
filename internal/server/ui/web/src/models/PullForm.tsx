import { useState } from 'preact/hooks'
import { TextField } from '../parts/Field'
import { text } from '../text/models'
import { begin } from './pulls'

/** Where a model is pulled by its name. What was typed stays until the pull has begun. */
export function PullForm() {
  const [state, setState] = useState({ name: '', error: '', busy: false })
  const pull = async (e: Event) => {
    e.preventDefault()
    const name = state.name.trim()
    if (!name) return setState({ ...state, error: text.pullEmpty })
    setState({ name, error: '', busy: true })
    const error = await begin(name)
    setState(s => ({ name: !error && s.name === name ? '' : s.name, error, busy: false }))
  }
  return (
    <form class="pull-form" onSubmit={e => void pull(e)}>
      <TextField
        label={text.pullName} hint={text.pullHint} error={state.error} value={state.name} spellcheck={false} autocapitalize="off" maxLength={500}
        onInput={e => setState({ ...state, name: e.currentTarget.value, error: '' })}
      />
      <button type="submit" class="button primary" disabled={state.busy}>{text.pull}</button>
    </form>
  )
}
