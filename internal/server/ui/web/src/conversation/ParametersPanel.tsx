import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import type { Parameters } from '../api/types'
import { AreaField, SelectField, TextField } from '../parts/Field'
import { Panel } from '../parts/Panel'
import { onChord } from '../state/keys'
import { togglePanel } from '../state/panel'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { setParameters } from './delivery'
import { ModelChoice } from './ModelChoice'
import { read, same, withValue, write, type Field } from './parameters'
import { Presets } from './Presets'
import { Servers } from './Servers'
import type { Thread } from './thread'

interface Edited { p: Parameters; set: (p: Parameters) => void; panel: 'parameters' | 'second'; t: Thread }

/** The parameters of the chat. */
export function ParametersPanel({ t }: { t: Thread }) {
  useLayoutEffect(() => onChord('parameters', () => togglePanel('parameters')), [])
  return <Panel name="parameters" title={text.parameters}><First t={t} /></Panel>
}

function First({ t }: { t: Thread }) {
  const p = useStore(t.parameters)
  const set = (next: Parameters) => setParameters(t, next)
  return <><Presets p={p} set={set} /><Fields key={t.id} p={p} set={set} panel="parameters" t={t} /></>
}

/** The parameters of the second answer in a comparison. */
export function SecondPanel({ t }: { t: Thread }) {
  return <Panel name="second" title={text.second}><Second t={t} /></Panel>
}

function Second({ t }: { t: Thread }) {
  const p = useStore(t.second)
  if (!p) return null
  const set = (next: Parameters) => t.second.set(next)
  return <><Presets p={p} set={set} /><div class="field"><span class="label" aria-hidden="true">{text.model}</span><ModelChoice t={t} name={`${text.secondModel} `} of={t.second} /></div><Fields key={t.id} p={p} set={set} panel="second" t={t} /></>
}

const sampling: Field[] = ['top_p', 'top_k', 'min_p', 'repeat_penalty']

function Fields(e: Edited) {
  return (
    <>
      <Value {...e} field="system" area={4} />
      <div class="pairs">
        <Value {...e} field="temperature" />
        <Value {...e} field="seed" />
        <Value {...e} field="max_tokens" />
        <SelectField
          label={text.reasoning} value={e.p.reasoning ?? ''} options={(['', 'on', 'off'] as const).map(value => ({ value, name: text.reasonings[value] }))}
          onChoose={v => e.set(withValue(e.p, 'reasoning', v === '' ? undefined : v))}
        />
        <Value {...e} field="reasoning_budget" />
        {sampling.map(f => <Value key={f} {...e} field={f} />)}
      </div>
      <Value {...e} field="schema" area={3} code />
      <Value {...e} field="tools" area={3} code />
      <Servers p={e.p} set={e.set} />
    </>
  )
}

/** One value as text. What is none stays in its field, marked, and is not sent. */
function Value({ p, set, panel, t, field, area, code }: Edited & { field: Field; area?: number; code?: boolean }) {
  const [words, setWords] = useState(() => write(field, p))
  const got = read(field, words)
  const fault = 'fault' in got ? got.fault : undefined
  // what came from elsewhere (another browser, a preset) replaces what stands here
  useLayoutEffect(() => {
    const now = read(field, words)
    if (!('fault' in now) && same(now.value, p[field])) return
    setWords(write(field, p))
  }, [p[field]])
  useLayoutEffect(() => t.fault(panel, field, fault !== undefined), [fault])
  useEffect(() => () => t.fault(panel, field, false), [])
  const type = (value: string) => {
    setWords(value)
    const next = read(field, value)
    if (!('fault' in next) && !same(next.value, p[field])) set(withValue(p, field, next.value as never))
  }
  const hint = text.hints[field]
  const own = { label: text.fields[field], ...(hint && { hint }), ...(fault && { error: text.fault(fault) }), value: words, spellcheck: false }
  if (area) return <AreaField {...own} rows={area} class={code ? 'code-field' : ''} {...(code && { dir: 'ltr' as const })} placeholder="" onInput={e => type(e.currentTarget.value)} />
  return <TextField {...own} inputMode="decimal" placeholder={text.default} dir="ltr" onInput={e => type(e.currentTarget.value)} />
}
