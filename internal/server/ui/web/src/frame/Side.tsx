import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from '../parts/Icon'
import { focusBox, keepFocus } from '../state/focus'
import { onChord, onEscape } from '../state/keys'
import { newChat, route } from '../state/router'
import { useMay } from '../state/session'
import { drawer, sideHidden } from '../state/side'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { ChatList } from './ChatList'
import { Search, useSearch } from './Search'

const t = en.frame

/** Whether the page is too narrow to show the chats beside the view; the same width as in frame.css. */
export const narrow = () => matchMedia('(max-width: 52rem)').matches

/** The side of the page: new chat, search, the list of chats, the other views. */
export function Side() {
  const open = useStore(drawer)
  const search = useSearch()
  const ref = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => onChord('new-chat', begin), [])
  useLayoutEffect(() => onChord('box', () => (drawer.set(false), focusBox())), [])
  useLayoutEffect(() => onChord('side', toggle), [])
  // Whatever is opened from the drawer closes it.
  useEffect(() => route.subscribe(() => drawer.set(false)), [])
  useEffect(() => {
    if (!open) return undefined
    const back = keepFocus()
    if (!ref.current?.contains(document.activeElement)) ref.current?.querySelector<HTMLElement>('.new-chat')?.focus()
    const off = onEscape('drawer', () => drawer.set(false))
    return () => {
      off()
      if (!document.activeElement || document.activeElement === document.body || ref.current?.contains(document.activeElement)) back()
    }
  }, [open])
  return (
    <>
      <div class="scrim" onClick={() => drawer.set(false)} />
      <div class="side" ref={ref} onFocusOut={e => { if (drawer.get() && e.relatedTarget instanceof Node && !ref.current?.contains(e.relatedTarget)) drawer.set(false) }}>
        <header class="side-head">
          <span class="brand"><Mark />{en.product}</span>
          <button type="button" class="quiet square" aria-label={t.hide} title={t.hide} onClick={hide}><Icon name="side" /></button>
        </header>
        <nav class="chats" aria-label={t.side}>
          <button type="button" class="new-chat" onClick={begin}><Icon name="edit" size={18} /><span>{t.newChat}</span></button>
          <Search search={search} />
          {!search.asked && <ChatList />}
        </nav>
        <Views />
      </div>
    </>
  )
}

function begin(): void {
  newChat()
  drawer.set(false)
  requestAnimationFrame(focusBox)
}

function hide(): void {
  if (narrow()) drawer.set(false)
  else sideHidden.set(true)
  focusBox()
}

function toggle(): void {
  if (narrow()) drawer.update(o => !o)
  else sideHidden.update(h => !h)
}

function Views() {
  const at = useStore(route)
  const models = useMay('models')
  const admin = useMay('admin')
  const current = (view: string) => (at.view === view ? { 'aria-current': 'page' as const } : {})
  return (
    <nav class="views" aria-label={t.views}>
      {models && <a href="/view/models" data-route {...current('models')}><Icon name="cube" size={18} />{t.models}</a>}
      {admin && <a href="/view/admin" data-route {...current('admin')}><Icon name="shield" size={18} />{t.admin}</a>}
    </nav>
  )
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="var(--accent-fill)" />
      <path d="M18.500 5 8.500 18h6l-1.500 9 10-13h-6z" fill="var(--on-accent)" />
    </svg>
  )
}
