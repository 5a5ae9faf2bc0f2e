import { useRef, useState } from 'preact/hooks'
import { Failure } from '../api/client'
import type { Scope } from '../api/types'
import { Dialog } from '../parts/Dialog'
import { SelectField, TextField } from '../parts/Field'
import { say, wordsOf } from '../state/notices'
import { en } from '../text/en'
import { text } from '../text/admin'
import { admin } from './api'
import { emptyForm, read, type Faults, type Form } from './newkey'

const scopes: { scope: Scope; name: string; hint: string }[] = [
  { scope: 'inference', name: text.inference, hint: text.inferenceHint },
  { scope: 'models', name: text.modelsScope, hint: text.modelsHint },
  { scope: 'admin', name: text.admin, hint: text.adminHint },
]
const expiries = Object.entries(text.expiry).map(([value, name]) => ({ value: value as Form['expires'], name }))

/** The form of a new key, and afterwards its text, this once. */
export function CreateKey({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const [form, setForm] = useState(emptyForm)
  const [faults, setFaults] = useState<Faults>({})
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState('')
  const create = async () => {
    const r = read(form)
    if ('faults' in r) return setFaults(r.faults)
    setBusy(true)
    setFaults({})
    try {
      setMade((await admin.create(r.key)).key)
      say(text.created)
      onMade()
    } catch (e) {
      const field = e instanceof Failure && e.param in emptyForm ? (e.param as keyof Form) : 'form'
      setFaults({ [field]: wordsOf(e) })
    }
    setBusy(false)
  }
  if (made) return <Made text={made} onClose={onClose} />
  const change = (part: Partial<Form>) => setForm({ ...form, ...part })
  const input = (name: 'name' | 'rpm' | 'tpm' | 'concurrent' | 'monthly_tokens' | 'models', label: string, hint?: string) => (
    <TextField
      label={label} value={form[name]} {...(hint && { hint })} {...(faults[name] && { error: faults[name] })} {...(name !== 'name' && name !== 'models' && { inputmode: 'numeric' as const })}
      onInput={e => change({ [name]: e.currentTarget.value })}
    />
  )
  return (
    <Dialog
      title={text.create} onClose={onClose} wide
      actions={<>
        <button type="button" class="button" onClick={onClose}>{en.common.cancel}</button>
        <button type="submit" form="create-key" class="button primary" disabled={busy}>{text.createButton}</button>
      </>}
    >
      <form id="create-key" class="form" noValidate onSubmit={e => { e.preventDefault(); void create() }}>
        {input('name', text.name, text.nameHint)}
        <Scopes chosen={form.scopes} {...(faults.scopes && { error: faults.scopes })} onChoose={s => change({ scopes: s })} />
        <fieldset class="limits">
          <legend>{text.limits} <span class="hint">{text.limitHint}</span></legend>
          {input('rpm', text.rpm)}
          {input('tpm', text.tpm)}
          {input('concurrent', text.concurrent)}
          {input('monthly_tokens', text.monthly)}
        </fieldset>
        {input('models', text.allowed, text.allowedHint)}
        <SelectField label={text.expires} options={expiries} value={form.expires} onChoose={v => change({ expires: v })} {...(faults.expires && { error: faults.expires })} />
        {faults.form && <p class="error" role="alert">{faults.form}</p>}
      </form>
    </Dialog>
  )
}

function Scopes({ chosen, error, onChoose }: { chosen: Scope[]; error?: string; onChoose: (s: Scope[]) => void }) {
  return (
    <fieldset class="scopes">
      <legend>{text.scopes}</legend>
      {scopes.map(({ scope, name, hint }) => (
        <div key={scope} class="scope">
          <input id={`scope-${scope}`} type="checkbox" checked={chosen.includes(scope)} aria-describedby={`scope-${scope}-hint`} onChange={e => onChoose(e.currentTarget.checked ? [...chosen, scope] : chosen.filter(s => s !== scope))} />
          <label for={`scope-${scope}`}>{name}</label>
          <span id={`scope-${scope}-hint`} class="hint">{hint}</span>
        </div>
      ))}
      {error && <p class="error" role="alert">{error}</p>}
    </fieldset>
  )
}

/** The text of a key that was made. It is gone with this dialog. */
function Made({ text: key, onClose }: { text: string; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const [hint, setHint] = useState<string>(text.newKeyHint)
  const copy = () => {
    field.current?.select()
    navigator.clipboard.writeText(key).then(() => setHint(text.copied), () => setHint(text.notCopied))
  }
  return (
    <Dialog title={text.created} onClose={onClose} actions={<button type="button" class="button primary" onClick={onClose}>{text.done}</button>}>
      <div class="new-key">
        <div class="field">
          <label for="new-key">{text.newKey}</label>
          <input ref={field} id="new-key" type="text" readOnly value={key} dir="ltr" spellcheck={false} autocomplete="off" aria-describedby="new-key-hint" onFocus={e => e.currentTarget.select()} />
        </div>
        <button type="button" class="button" onClick={copy}>{text.copy}</button>
      </div>
      <p id="new-key-hint" class="hint" role="status">{hint}</p>
    </Dialog>
  )
}
