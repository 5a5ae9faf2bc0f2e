import type { ComponentChildren, LooseInputHTMLAttributes, TextareaHTMLAttributes } from 'preact'
import { useId } from 'preact/hooks'

interface Frame { label: string; hint?: string; error?: string; children: (a: { id: string; 'aria-invalid'?: boolean; 'aria-describedby'?: string }) => ComponentChildren }

/** A label over a control, with a hint and what is wrong with its value. */
export function Field({ label, hint, error, children }: Frame) {
  const id = useId()
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(error && { 'aria-invalid': true }), ...(about && { 'aria-describedby': about }) })}
      {error && <p class="error" id={`${id}-error`} role="alert">{error}</p>}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  )
}

type Own = { label: string; hint?: string; error?: string }

export function TextField({ label, hint, error, ...input }: Own & LooseInputHTMLAttributes<HTMLInputElement>) {
  return <Field label={label} {...(hint && { hint })} {...(error && { error })}>{a => <input {...({ type: 'text', dir: 'auto', autocomplete: 'off', ...input, ...a } as object)} />}</Field>
}

export function AreaField({ label, hint, error, ...area }: Own & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <Field label={label} {...(hint && { hint })} {...(error && { error })}>{a => <textarea dir="auto" rows={4} {...area} {...a} />}</Field>
}

export function SelectField<T extends string>({ label, hint, error, options, value, onChoose }: Own & { options: readonly { value: T; name: string }[]; value: T; onChoose: (value: T) => void }) {
  return (
    <Field label={label} {...(hint && { hint })} {...(error && { error })}>
      {a => <select {...a} value={value} onChange={e => onChoose(e.currentTarget.value as T)}>{options.map(o => <option key={o.value} value={o.value}>{o.name}</option>)}</select>}
    </Field>
  )
}
