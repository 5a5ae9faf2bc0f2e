import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Failure, refused } from '../api/client'
import { files, session } from '../api/routes'
import { fetchChats } from '../state/chats'
import { SelectField, TextField } from '../parts/Field'
import { Icon } from '../parts/Icon'
import { Panel } from '../parts/Panel'
import { onChord } from '../state/keys'
import { say, warn, wordsOf } from '../state/notices'
import { togglePanel } from '../state/panel'
import { me } from '../state/session'
import { useStore } from '../state/store'
import { setTheme, theme, type Theme } from '../state/theme'
import { en } from '../text/en'

const t = en.settings
const themes: { value: Theme; name: string }[] = [{ value: 'system', name: t.themes.system }, { value: 'light', name: t.themes.light }, { value: 'dark', name: t.themes.dark }]
const largest = 2 ** 30 // bytes of a file that the server takes in

/** The panel Settings. */
export function Settings() {
  const chosen = useStore(theme)
  const version = useStore(me, m => m?.version ?? '')
  useLayoutEffect(() => onChord('settings', () => togglePanel('settings')), [])
  return (
    <Panel name="settings" title={en.frame.settings}>
      <SelectField label={t.theme} options={themes} value={chosen} onChoose={setTheme} />
      <History />
      <Key />
      {version && <p class="hint">{t.version(version)}</p>}
    </Panel>
  )
}

/** Follows an address that the server answers with a file, without leaving the page. */
export function download(address: string): void {
  const a = document.createElement('a')
  a.href = address
  a.download = ''
  document.body.append(a)
  a.click()
  a.remove()
}

function History() {
  const picker = useRef<HTMLInputElement>(null)
  const running = useRef<AbortController | null>(null)
  const [state, setState] = useState<{ name: string; part: number } | null>(null)
  const take = async (file: File) => {
    if (file.size > largest) return void warn(t.tooLarge(file.name))
    const stop = (running.current = new AbortController())
    setState({ name: file.name, part: 0 })
    try {
      const r = await files.take(file, part => setState({ name: file.name, part }), stop.signal)
      say(t.imported(r.chats, r.messages, r.known), 15)
      await fetchChats()
    } catch (e) {
      if (stop.signal.aborted) say(t.cancelled)
      else warn(t.notImported(file.name, wordsOf(e)))
    } finally {
      setState(null)
      running.current = null
    }
  }
  return (
    <section class="settings-part">
      <h3>{t.history}</h3>
      <p class="hint">{t.historyHint}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => download(files.exportAddress('json'))}><Icon name="download" size={16} />{t.exportJSON}</button>
        <button type="button" class="button" onClick={() => download(files.exportAddress('markdown'))}><Icon name="download" size={16} />{t.exportMarkdown}</button>
        <button type="button" class="button" disabled={state !== null} onClick={() => picker.current?.click()}><Icon name="upload" size={16} />{t.import}</button>
      </div>
      <input ref={picker} type="file" hidden accept=".json,.jsonl,.md,.markdown,.zip,application/json,text/markdown" onChange={e => {
        const f = e.currentTarget.files?.[0]
        e.currentTarget.value = ''
        if (f) void take(f)
      }} />
      {state ? (
        <div class="import">
          <label>{t.importing(state.name)}<progress value={state.part < 1 ? state.part : undefined} max={1} /></label>
          <div class="import-line"><span class="hint">{state.part < 1 ? t.sent(Math.floor(state.part * 100)) : t.reading}</span><button type="button" class="button small" onClick={() => running.current?.abort()}>{en.common.cancel}</button></div>
        </div>
      ) : <p class="hint">{t.importHint}</p>}
    </section>
  )
}

function Key() {
  const who = useStore(me)
  const no = useStore(refused)
  const [key, setKey] = useState('')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const use = async () => {
    if (!key.trim()) return setError(t.keyEmpty)
    setBusy(true)
    setError('')
    try {
      await session.signIn(key.trim())
      setKey('')
      say(t.keyAccepted)
    } catch (e) {
      setError(e instanceof Failure && e.status === 401 ? t.keyRefused : wordsOf(e))
    } finally {
      setBusy(false)
    }
  }
  const leave = async () => {
    try {
      await session.signOut()
      say(t.signedOut)
      location.assign('/')
    } catch (e) {
      warn(wordsOf(e))
    }
  }
  return (
    <form class="settings-part" onSubmit={e => { e.preventDefault(); void use() }}>
      <h3>{t.key}</h3>
      {who && !no && <p class="hint" dir="auto">{who.signed_in ? t.signedIn(who.name) : who.owner ? t.owner : t.anyone}</p>}
      <TextField label={t.key} hint={t.keyHint} error={error} value={key} onInput={e => setKey(e.currentTarget.value)} spellcheck={false} autocapitalize="off" />
      <div class="buttons">
        <button type="submit" class="button" disabled={busy}>{t.useKey}</button>
        {(who?.signed_in || no) && <button type="button" class="button" onClick={() => void leave()}>{t.signOut}</button>}
      </div>
    </form>
  )
}
