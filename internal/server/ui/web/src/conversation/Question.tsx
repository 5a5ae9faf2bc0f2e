import { useRef } from 'preact/hooks'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { en } from '../text/en'
import { Actions, Versions } from './Actions'
import { again, submit } from './delivery'
import { EditBox } from './EditBox'
import { useMessage } from './hooks'
import type { Thread } from './thread'
import type { Row } from './tree'
import { answer, askAgain } from './turns'

/** What a person wrote. */
export function Question({ t, row }: { t: Thread; row: Row }) {
  const id = row.on
  const m = useMessage(t, id)
  const ref = useRef<HTMLElement>(null)
  const last = useStore(t.rows, rows => rows.at(-1) === row)
  if (!m) return null
  const unsent = t.unsent.get(id)
  const editing = t.edits.get(id)
  const send = (words: string) => {
    if (t.running.get().length && !words.trim()) return
    const turn = askAgain(t.tree, id, words, t.parameters.get(), t.second.get())
    t.edit(id, undefined)
    if (turn) submit(t, turn)
    t.flush()
    focusBox()
  }
  const getAnswer = () => {
    const turn = answer(t.tree, id, t.parameters.get(), t.second.get())
    if (turn) submit(t, turn)
    focusBox()
  }
  return (
    <article id={`m-${id}`} ref={ref} class="message question" aria-label={text.you(row.nth)} tabIndex={-1}>
      {m.files && m.files.length > 0 && (
        <ul class="chips" aria-label={text.sentFiles}>
          {m.files.map((f, i) => <li key={i} class="chip"><Icon name="file" size={16} /><span class="chip-name" dir="auto">{f.name}</span><span class="chip-size">{text.tokens(f.tokens)}</span></li>)}
        </ul>
      )}
      {editing === undefined
        ? m.content && <div class="plain bubble" dir="auto">{m.content}</div>
        : <EditBox t={t} id={id} article={ref} words={editing} action={text.send} onDone={send} />}
      {unsent && <UnsentNote t={t} id={id} />}
      {!unsent && editing === undefined && last && !t.running.get().length && !t.awaits(id) && (
        <div class="note"><span>{text.noAnswer}</span><button type="button" class="button small" onClick={getAnswer}>{text.getAnswer}</button></div>
      )}
      {!unsent && editing === undefined && <div class="tools"><Versions t={t} row={row} /><Actions t={t} m={m} row={row} article={ref} /></div>}
    </article>
  )
}

/** Says of a message that it is not on the server yet, or why it could not be sent. */
export function UnsentNote({ t, id }: { t: Thread; id: string }) {
  const u = t.unsent.get(id)
  if (!u) return null
  if (u.state !== 'failed') return <div class="note">{u.state === 'waiting' ? text.waiting : text.sending}</div>
  const back = () => {
    const words = u.turn.messages[0]?.content ?? ''
    t.withdraw(id)
    t.words.update(now => (now ? `${words}\n${now}` : words))
    t.flush()
    focusBox()
  }
  return (
    <div class="note wrong">
      <Icon name="warning" size={16} /><span dir="auto">{text.unsent(u.why)}</span>
      <button type="button" class="button small" onClick={() => { again(t, id); focusBox() }}>{en.common.tryAgain}</button>
      {u.turn.messages[0]?.role === 'user' && !u.turn.messages[0].files && <button type="button" class="button small" onClick={back}>{text.backToBox}</button>}
    </div>
  )
}
