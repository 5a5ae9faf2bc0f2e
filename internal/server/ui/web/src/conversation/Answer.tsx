import { useRef, useState } from 'preact/hooks'
import type { Message } from '../api/types'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { modelOf, models } from '../state/models'
import { say } from '../state/notices'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { en } from '../text/en'
import { Actions, Versions } from './Actions'
import { select, submit } from './delivery'
import { backTo, EditBox } from './EditBox'
import { Figures } from './Figures'
import { useMessage } from './hooks'
import { Markdown } from './Markdown'
import { UnsentNote } from './Question'
import { Reasoning } from './Reasoning'
import { Seal } from './Seal'
import type { Thread } from './thread'
import { ToolCalls } from './ToolCalls'
import type { Row } from './tree'
import { goOn, regenerate, rewrite } from './turns'

/** What a model answered, or two answers beside each other. */
export function Answer({ t, row }: { t: Thread; row: Row }) {
  if (row.ids.length < 2) return <One t={t} row={row} id={row.on} />
  return <div class="beside">{row.ids.map(id => <One key={id} t={t} row={row} id={id} beside />)}</div>
}

function One({ t, row, id, beside }: { t: Thread; row: Row; id: string; beside?: boolean }) {
  const m = useMessage(t, id)
  const ref = useRef<HTMLElement>(null)
  const [figures, setFigures] = useState(false)
  if (!m) return null
  const running = m.status === 'running'
  const unsent = t.unsent.has(id)
  const editing = t.edits.get(id)
  const model = m.model ?? ''
  const save = (words: string) => {
    t.edit(id, undefined)
    const turn = words === m.content ? undefined : rewrite(t.tree, id, words)
    if (turn) submit(t, turn)
    t.flush()
    backTo(ref.current)
  }
  return (
    <article id={`m-${id}`} ref={ref} class="message answer" aria-label={text.answer(row.nth, model)} tabIndex={-1} {...(running && { 'aria-busy': true })}>
      <div class="by"><span dir="auto">{model}</span>{m.edited && <span class="edited">{text.editedAnswer}</span>}</div>
      {(m.reasoning || m.thinking) && <Reasoning m={m} />}
      {running && !m.content && !m.reasoning && !m.thinking && <Beginning m={m} />}
      {editing === undefined
        ? <Markdown source={m.content} running={running} />
        : <EditBox t={t} id={id} article={ref} words={editing} action={text.save} onDone={save} />}
      {m.calls && m.calls.length > 0 && <ToolCalls t={t} m={m} {...(row.results !== undefined && id === row.on && { results: row.results })} />}
      {unsent && <UnsentNote t={t} id={id} />}
      {!running && <EndNote t={t} m={m} />}
      {!running && !unsent && editing === undefined && (
        <div class="tools">
          {(!beside || id === row.on) && <Versions t={t} row={row} />}
          <Actions t={t} m={m} row={row} article={ref} {...(m.figures && { figures: { open: figures, toggle: () => setFigures(!figures) } })} />
          {beside && <GoOnWith t={t} row={row} id={id} />}
        </div>
      )}
      {figures && m.figures && !running && <Figures f={m.figures} />}
      {m.figures?.receipt && !running && !m.edited && editing === undefined && <Seal receipt={m.figures.receipt} />}
    </article>
  )
}

/** Which of two answers the chat goes on with. */
function GoOnWith({ t, row, id }: { t: Thread; row: Row; id: string }) {
  const on = id === row.on
  return (
    <button type="button" class="button small go-on" aria-pressed={on} onClick={() => { if (!on) select(t, id) }}>
      {on && <Icon name="check" size={16} />}{on ? text.goesOn : text.goOnWith}
    </button>
  )
}

/** What happens before the first word. */
function Beginning({ m }: { m: Message }) {
  const model = useStore(models, () => modelOf(m.model))
  const loads = model && (model.state === 'loading' || model.state === 'waiting')
  return <div class="begins">{loads ? text.modelLoads(model.name, model.done) : text.begins}</div>
}

/** How an answer ended, where that was not its own end. */
function EndNote({ t, m }: { t: Thread; m: Message }) {
  const busy = useStore(t.running, r => r.length > 0)
  const tryAgain = () => {
    if (busy) return void say(text.runningNow, 4)
    const p = t.parameters.get()
    const turn = m.status === 'interrupted' && m.content ? goOn(t.tree, m.id, p) : regenerate(t.tree, m.id, p)
    if (turn) submit(t, turn)
    focusBox()
  }
  const again = <button type="button" class="button small" onClick={tryAgain}>{en.common.tryAgain}</button>
  switch (m.status) {
    case 'length': return <div class="note">{limitWords(m)}</div>
    case 'stopped': return <div class="note">{text.stopped}</div>
    case 'failed': return <div class="note wrong"><Icon name="warning" size={16} /><span dir="auto">{text.failed(m.error ?? '')}</span>{again}</div>
    case 'interrupted': return <div class="note wrong"><Icon name="warning" size={16} /><span dir="auto">{text.interrupted(m.error ?? '')}</span>{again}</div>
    case 'complete': return m.content || m.reasoning || m.calls?.length ? null : <div class="note">{text.emptyAnswer}</div>
    default: return null
  }
}

function limitWords(m: Message): string {
  const f = m.figures
  if (f && f.context_limit > 0 && f.context >= f.context_limit) return text.contextEnded
  const most = m.parameters?.max_tokens
  return f && most !== undefined && f.answer_tokens >= most ? text.tokensEnded(most) : text.lengthEnded
}
