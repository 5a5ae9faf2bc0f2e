import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { events } from '../api/events'
import { presets as routes } from '../api/routes'
import type { Parameters, Preset } from '../api/types'
import { SelectField, TextField } from '../parts/Field'
import { onEscape } from '../state/keys'
import { models } from '../state/models'
import { say, warn, wordsOf } from '../state/notices'
import { Store, useStore } from '../state/store'
import { text } from '../text/conversation'
import { fromPreset, same, toPreset } from './parameters'

const presets = new Store<readonly Preset[]>([])

async function fetchPresets(): Promise<void> {
  try {
    presets.set((await routes.list()).presets)
  } catch (e) {
    warn(text.presetsFailed(wordsOf(e)), 8)
  }
}

/** Parameters under a name, for all chats. */
export function Presets({ p, set }: { p: Parameters; set: (p: Parameters) => void }) {
  const all = useStore(presets)
  const [naming, setNaming] = useState(false)
  const save = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    void fetchPresets()
    return events.on('presets', () => void fetchPresets())
  }, [])
  const names = models.get()?.models.map(m => m.name) ?? []
  const on = all.find(x => same(fromPreset(p, x.parameters, names), p))?.name ?? ''
  const keep = async (name: string) => {
    try {
      await routes.keep(name, toPreset(p))
      await fetchPresets()
      say(text.presetSaved(name))
    } catch (e) {
      warn(text.presetFailed(wordsOf(e)))
    }
  }
  const remove = async () => {
    try {
      await routes.remove(on)
      await fetchPresets()
      say(text.presetDeleted(on))
      save.current?.focus()
    } catch (e) {
      warn(text.presetFailed(wordsOf(e)))
    }
  }
  const close = () => {
    setNaming(false)
    save.current?.focus()
  }
  return (
    <div class="presets">
      <SelectField
        label={text.preset} value={on ? `=${on}` : ''} options={[{ value: '', name: text.noPreset }, ...all.map(x => ({ value: `=${x.name}`, name: x.name }))]}
        onChoose={v => {
          const chosen = all.find(x => `=${x.name}` === v)
          if (chosen) set(fromPreset(p, chosen.parameters, names))
        }}
      />
      <div class="buttons">
        <button ref={save} type="button" class="button small" aria-expanded={naming} onClick={() => setNaming(!naming)}>{text.savePreset}</button>
        {on && <button type="button" class="button small" onClick={() => void remove()}>{text.deletePreset}</button>}
      </div>
      {naming && <NameField start={on} onKeep={name => { close(); void keep(name) }} onClose={close} />}
    </div>
  )
}

function NameField({ start, onKeep, onClose }: { start: string; onKeep: (name: string) => void; onClose: () => void }) {
  const [name, setName] = useState(start)
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const input = box.current?.querySelector('input')
    input?.focus()
    input?.select()
    return onEscape('edit', onClose)
  }, [])
  return (
    <div ref={box}>
      <TextField
        label={text.presetName} hint={text.presetNameHint} value={name} maxLength={200} onInput={e => setName(e.currentTarget.value)}
        onKeyDown={e => {
          if (e.key !== 'Enter' || e.isComposing || e.keyCode === 229) return
          e.preventDefault()
          if (name.trim()) onKeep(name.trim())
        }}
      />
    </div>
  )
}
