import { useState } from 'preact/hooks'
import type { Message } from '../api/types'
import { Icon, type IconName } from '../parts/Icon'
import { MenuButton } from '../parts/Menu'
import { focusBox } from '../state/focus'
import { say, warn } from '../state/notices'
import { text } from '../text/conversation'
import { fork, remove, select, submit } from './delivery'
import { copyText, narrow, useMedia } from './hooks'
import type { Thread } from './thread'
import type { Row } from './tree'
import { goOn, regenerate } from './turns'

interface Props { t: Thread; m: Message; row: Row; article: { current: HTMLElement | null }; figures?: { open: boolean; toggle: () => void } }
interface Action { act: string; name: string; icon: IconName; run: () => void; danger?: boolean; pressed?: boolean }

/** What can be done with a message: buttons, or the rarer ones in a menu where it is narrow. */
export function Actions(props: Props) {
  const slim = useMedia(narrow)
  const [copied, setCopied] = useState(false)
  const all = actionsOf(props, () => {
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  })
  const near = slim ? all.filter(a => a.act === 'copy' || a.act === 'regenerate') : all
  const rest = slim ? all.filter(a => !near.includes(a)) : []
  return (
    <div class="actions">
      {near.map(a => (
        <button
          key={a.act} type="button" class="quiet square small" data-act={a.act} aria-label={a.name} title={a.name} {...(a.pressed !== undefined && { 'aria-expanded': a.pressed })}
          onClick={a.run}
        ><Icon name={a.act === 'copy' && copied ? 'check' : a.icon} size={16} /></button>
      ))}
      {rest.length > 0 && <span data-act="more-place"><MenuButton name={text.more} items={rest.map(a => ({ name: a.name, icon: a.icon, run: a.run, danger: a.danger ?? false }))} class="quiet square small" /></span>}
    </div>
  )
}

function actionsOf({ t, m, figures }: Props, onCopied: () => void): Action[] {
  const run = (turn: ReturnType<typeof goOn>) => {
    if (!turn) return
    if (t.running.get().length) return void say(text.runningNow, 4)
    submit(t, turn)
    focusBox()
  }
  const answer = m.role === 'assistant'
  const p = () => t.parameters.get()
  const out: Action[] = [{
    act: 'copy', name: text.copy, icon: 'copy',
    run: () => void copyText(m.content).then(done => {
      if (!done) return warn(text.notCopied, 6)
      onCopied()
      return say(text.copied, 2)
    }),
  }]
  if (!answer || m.content || !m.calls?.length) out.push({ act: 'edit', name: text.edit, icon: 'edit', run: () => t.edit(m.id, t.edits.get(m.id) ?? m.content) })
  if (answer) out.push({ act: 'regenerate', name: text.regenerate, icon: 'refresh', run: () => run(regenerate(t.tree, m.id, p())) })
  if (answer && mayGoOn(m)) out.push({ act: 'continue', name: text.continue, icon: 'play', run: () => run(goOn(t.tree, m.id, p())) })
  if (!t.secret) out.push({ act: 'fork', name: text.fork, icon: 'branch', run: () => void fork(t, m.id) })
  if (figures) out.push({ act: 'figures', name: text.figures, icon: 'chart', run: figures.toggle, pressed: figures.open })
  out.push({
    act: 'delete', name: text.delete, icon: 'trash', danger: true, run: () => {
      void remove(t, m.id)
      t.flush()
      focusBox()
    },
  })
  return out
}

/** Whether an answer can be gone on with: it was ended before its own end, or a person wrote it. */
function mayGoOn(m: Message): boolean {
  return m.status === 'length' || m.status === 'stopped' || m.status === 'interrupted' || (m.status === 'failed' && m.content !== '') || (m.edited === true)
}

/** Which version is shown, with buttons to the others. */
export function Versions({ t, row }: { t: Thread; row: Row }) {
  if (row.of < 2) return null
  const to = (step: number) => {
    const v = t.tree.version(row.on)
    const id = v.of[v.at + step]?.[0]
    if (id !== undefined) select(t, id)
  }
  const step = (name: string, icon: IconName, by: number, last: boolean) => (
    <button type="button" class="quiet square small" aria-label={name} title={name} aria-disabled={last} onClick={() => { if (!last) to(by) }}><Icon name={icon} size={16} /></button>
  )
  return (
    <div class="versions">
      {step(text.previous, 'left', -1, row.at === 0)}
      <span>{text.version(row.at + 1, row.of)}</span>
      {step(text.next, 'right', 1, row.at === row.of - 1)}
    </div>
  )
}
