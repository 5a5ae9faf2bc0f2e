import { Component, type ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Chat } from '../api/types'
import { Icon } from '../parts/Icon'
import { chats, fetchChats, fetchOlder, listed } from '../state/chats'
import { route } from '../state/router'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { ChatRow } from './ChatRow'
import { agesOf } from './ages'

const t = en.chats
const folderPart = 50 // chats of a folder that are shown at once

/** All chats: pinned ones, folders, the rest by age. Arrows move in it; Tab goes through it in one step. */
export function ChatList() {
  const state = useStore(chats)
  const open = useStore(route, r => (r.view === 'chat' ? r.chat : ''))
  const list = useMemo(() => listed(state.all.values()), [state.all])
  const first = list.pinned[0] ?? list.folders[0]?.chats[0] ?? list.rest[0]
  const [at, setAt] = useState('')
  // The one that Tab reaches: where the arrows were last, else the open chat, else the first.
  const reached = state.all.has(at) ? at : state.all.has(open) ? open : (first?.id ?? '')
  useEffect(() => setAt(open), [open])
  const ages = useMemo(() => agesOf(list.rest, new Date()), [list])
  const rows = (all: Chat[]) => chunks(all).map((c, i) => <Chunk key={i} chats={c} open={open} reached={reached} />)
  if (state.state === 'failed' && state.all.size === 0) {
    return <div class="chat-list empty"><button type="button" class="button" onClick={() => void fetchChats()}>{en.common.tryAgain}</button></div>
  }
  return (
    <div
      class="chat-list" onKeyDown={move}
      onFocusIn={e => { const id = (e.target as HTMLElement).closest<HTMLElement>('[data-chat]')?.dataset['chat']; if (id) setAt(id) }}
    >
      {list.pinned.length > 0 && <section><h2>{t.pinned}</h2><ul>{rows(list.pinned)}</ul></section>}
      {list.folders.map(f => <Folder key={f.name} name={f.name} chats={f.chats} rows={rows} />)}
      {ages.map(a => <section key={a.name}><h2>{a.name}</h2><ul>{rows(a.chats)}</ul></section>)}
      {state.more && <More />}
      {state.state === 'ready' && state.all.size === 0 && <p class="hint empty">{t.none}</p>}
    </div>
  )
}

const chunk = 50 // rows that are compared as one

function chunks(all: Chat[]): Chat[][] {
  const out: Chat[][] = []
  for (let i = 0; i < all.length; i += chunk) out.push(all.slice(i, i + chunk))
  return out
}

interface ChunkProps { chats: Chat[]; open: string; reached: string }

/** Rows that follow each other; drawn anew only when one of them changed. */
class Chunk extends Component<ChunkProps> {
  override shouldComponentUpdate(next: ChunkProps): boolean {
    const { chats, open, reached } = this.props
    if (next.chats.length !== chats.length || next.chats.some((c, i) => c !== chats[i])) return true
    return (next.open !== open && chats.some(c => c.id === open || c.id === next.open)) || (next.reached !== reached && chats.some(c => c.id === reached || c.id === next.reached))
  }

  render() {
    const { chats, open, reached } = this.props
    return chats.map(c => <ChatRow key={c.id} chat={c} open={c.id === open} reached={c.id === reached} />)
  }
}

function Folder({ name, chats: all, rows }: { name: string; chats: Chat[]; rows: (all: Chat[]) => ComponentChildren }) {
  const [open, setOpen] = useState(true)
  const [count, setCount] = useState(folderPart)
  return (
    <div role="group" aria-label={name} class="folder">
      <button type="button" class="folder-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'down' : 'chevron'} size={14} /><Icon name="folder" size={16} /><span dir="auto">{name}</span>
      </button>
      {open && <ul>{rows(all.slice(0, count))}</ul>}
      {open && all.length > count && <button type="button" class="quiet more" onClick={() => setCount(count + 4 * folderPart)}>{t.rest(all.length - count)}</button>}
    </div>
  )
}

/** Fetches older chats when it comes into sight. */
function More() {
  const ref = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const o = new IntersectionObserver(seen => seen.some(e => e.isIntersecting) && void fetchOlder(), { rootMargin: '400px' })
    if (ref.current) o.observe(ref.current)
    return () => o.disconnect()
  })
  return <button ref={ref} type="button" class="quiet more" onClick={() => void fetchOlder()}>{t.more}</button>
}

function move(e: KeyboardEvent): void {
  const link = (e.target as HTMLElement).closest<HTMLElement>('[data-chat]')
  if (!link || !link.matches('a')) return
  const all = [...document.querySelectorAll<HTMLElement>('.chat-list a[data-chat]')]
  const at = all.indexOf(link)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key]
  if (to === undefined) return
  e.preventDefault()
  all[Math.max(0, Math.min(to, all.length - 1))]?.focus()
}
