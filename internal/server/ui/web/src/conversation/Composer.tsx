import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../parts/Icon'
import { PanelButton } from '../parts/Panel'
import { keepDraft } from '../state/drafts'
import { focusBox, setBox } from '../state/focus'
import { onChord, onEscape } from '../state/keys'
import { say, warn } from '../state/notices'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { Chips } from './Chips'
import { attach, readFiles, recount } from './attachments'
import { ContextWarning } from './ContextWarning'
import { stop, submit } from './delivery'
import { fit } from './hooks'
import { modelOfThread } from './model'
import { ModelChoice } from './ModelChoice'
import type { Field } from './parameters'
import { setPrivate } from './shown'
import type { Thread } from './thread'
import { ask } from './turns'

/** Where a message is written. */
export function Composer({ t }: { t: Thread }) {
  const words = useStore(t.words)
  const running = useStore(t.running, r => r.length > 0)
  const second = useStore(t.second)
  const files = useStore(t.attachments)
  const area = useRef<HTMLTextAreaElement>(null)
  const [waits, setWaits] = useState(false)
  useDraft(t)
  useBox(area, t)
  useLayoutEffect(() => fit(area.current), [words])
  useLayoutEffect(() => onEscape('stop', () => (t.running.get().length ? void stop(t) : false)), [t])
  useModelOfFiles(t)

  const send = () => setWaits(!trySend(t))
  useEffect(() => {
    if (!waits) return
    if (files.every(f => f.file)) send()
  }, [waits, files])
  // Stop that had the focus is gone with the answer's end
  useLayoutEffect(() => { if (!running && document.activeElement === document.body) giveFocus() }, [running])

  return (
    <div class="composer">
      <ContextWarning t={t} />
      {second && (
        <div class="compare-bar">
          <span>{text.comparing}</span>
          <ModelChoice t={t} name={text.secondModel} of={t.second} />
          <PanelButton name="second" title={text.second} icon="sliders" text />
        </div>
      )}
      <form class="box" onSubmit={e => { e.preventDefault(); send() }}>
        <Chips t={t} />
        <textarea
          ref={area} class="box-text" aria-label={text.message} placeholder={text.placeholder} dir="auto" rows={1} value={words} enterkeyhint="send" autocomplete="off" spellcheck
          onInput={e => { t.words.set(e.currentTarget.value); setWaits(false) }}
          onKeyDown={e => onKey(e, t, send)}
          onPaste={e => {
            const pasted = [...e.clipboardData?.files ?? []]
            if (!pasted.length || e.clipboardData?.types.includes('text/plain')) return
            e.preventDefault()
            attach(t, pasted, modelOfThread(t))
          }}
        />
        <div class="box-foot">
          <AttachButton t={t} />
          <button type="button" class="quiet square" aria-label={text.compare} title={text.compare} aria-pressed={second !== null} onClick={() => t.second.set(second ? null : { ...t.parameters.get() })}><Icon name="columns" /></button>
          <button type="button" role="switch" class="quiet square" aria-label={text.privateChat} title={text.privateChat} aria-checked={t.secret} onClick={() => { setPrivate(!t.secret); requestAnimationFrame(focusBox) }}><Icon name="lock" /></button>
          <span class="box-note" role="status">{waits ? text.waitsForFiles : ''}</span>
          {running
            ? <button key="stop" type="button" class="button primary square round" aria-label={text.stop} title={text.stop} onClick={() => void stop(t)}><Icon name="stop" /></button>
            : <button key="send" type="submit" class="button primary square round" aria-label={text.send} title={text.send}><Icon name="send" /></button>}
        </div>
      </form>
      {t.secret && <p class="private-note"><Icon name="lock" size={16} />{text.privateNow}</p>}
    </div>
  )
}

/** Puts the focus where one goes on: the box, or where it would bring up a keyboard on the glass, the last message. */
function giveFocus(): void {
  const last = matchMedia('(pointer: coarse)').matches ? [...document.querySelectorAll<HTMLElement>('.messages .message')].at(-1) : undefined
  if (last) last.focus({ preventScroll: true })
  else focusBox()
}

/** Sends what stands in the box. False: it is sent when the files are read. */
function trySend(t: Thread): boolean {
  const words = t.words.get()
  const files = t.attachments.get()
  if (t.running.get().length) {
    if (words.trim()) say(text.runningNow, 4)
    return true
  }
  if (!words.trim() && !files.length) return true
  if ([...t.unsent.values()].some(u => u.state !== 'failed') || t.unsent.has(t.tree.leaf)) {
    say(text.unsentFirst, 4)
    return true
  }
  const wrong = [...t.faults.get()].map(f => f.split(' ') as [string, Field]).filter(([panel]) => panel === 'parameters' || t.second.get())
  if (wrong.length) {
    warn(text.faults(wrong.map(([, f]) => text.fields[f])), 12)
    return true
  }
  const read = readFiles(files)
  if (!read) return false
  t.words.set('')
  t.attachments.set([])
  keepDraft(t.draft, '', t.secret)
  submit(t, ask(t.tree, words, read, t.parameters.get(), t.second.get()))
  t.flush()
  focusBox()
  return true
}

function onKey(e: KeyboardEvent, t: Thread, send: () => void): void {
  if (e.isComposing || e.keyCode === 229) return
  if (e.key === 'Enter' && !e.shiftKey && !e.altKey) {
    e.preventDefault()
    send()
  } else if (e.key === 'ArrowUp' && !e.shiftKey && !e.ctrlKey && !e.metaKey && !e.altKey && t.words.get() === '') {
    const row = t.rows.get().findLast(r => r.role === 'user')
    const m = row && t.tree.get(row.on)
    if (!m || t.unsent.has(m.id)) return
    e.preventDefault()
    t.edit(m.id, t.edits.get(m.id) ?? m.content)
    t.flush()
  }
}

/** Keeps what is typed over a reload, a little later than it is typed, and when the page is left. */
function useDraft(t: Thread): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const keep = () => {
      clearTimeout(timer)
      timer = undefined
      if (t.phase.get() !== 'gone') keepDraft(t.draft, t.words.get(), t.secret)
    }
    const off = t.words.subscribe(() => { timer ??= setTimeout(keep, 250) })
    const leave = () => { if (timer !== undefined) keep() }
    addEventListener('pagehide', leave)
    return () => {
      off()
      leave()
      removeEventListener('pagehide', leave)
    }
  }, [t])
}

/** The box is where the focus is at the start, in a new chat, and where nothing else is left. */
function useBox(area: { current: HTMLTextAreaElement | null }, t: Thread): void {
  useLayoutEffect(() => {
    setBox(area.current)
    const at = document.activeElement
    if (!at || at === document.body || t.phase.get() === 'new') area.current?.focus()
    return () => setBox(null)
  }, [t])
  useEffect(() => onChord('box', focusBox), [])
}

/** Counts the tokens of attached files anew when another model is chosen. */
function useModelOfFiles(t: Thread): void {
  useEffect(() => {
    const look = () => recount(t, modelOfThread(t))
    return t.parameters.subscribe(look)
  }, [t])
}

function AttachButton({ t }: { t: Thread }) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button type="button" class="quiet square" aria-label={text.attach} title={text.attach} onClick={() => input.current?.click()}><Icon name="attach" /></button>
      <input
        ref={input} type="file" multiple hidden tabIndex={-1} aria-hidden="true"
        onChange={e => {
          attach(t, [...e.currentTarget.files ?? []], modelOfThread(t))
          e.currentTarget.value = ''
          focusBox()
        }}
      />
    </>
  )
}
