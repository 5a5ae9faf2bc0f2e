import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Failure } from '../api/client'
import { chats as routes } from '../api/routes'
import type { Found } from '../api/types'
import { seek } from '../conversation/shown'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { onChord, onEscape } from '../state/keys'
import { openChat } from '../state/router'
import { drawer, searchAsked, sideHidden } from '../state/side'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { pieces } from './marks'
import { narrow } from './Side'

const t = en.search
const pause = 120 // ms without a letter until the server is asked
const longest = 512 // characters of a question

export interface Searching {
  q: string
  /** What was asked and answered; '' while nothing is searched. */
  asked: string
  found: Found[]
  error: string
  setQ: (q: string) => void
  leave: () => void
}

/** What is searched for and what was found. */
export function useSearch(): Searching {
  const [q, setQ] = useState('')
  const [result, setResult] = useState<{ asked: string; found: Found[]; error: string }>({ asked: '', found: [], error: '' })
  useEffect(() => {
    const asked = q.trim().slice(0, longest)
    if (!asked) {
      setResult({ asked: '', found: [], error: '' })
      return undefined
    }
    const stop = new AbortController()
    const timer = setTimeout(() => {
      routes.search(asked, 50, { signal: stop.signal }).then(
        r => setResult({ asked, found: r.results, error: '' }),
        (e: unknown) => { if (!stop.signal.aborted) setResult({ asked, found: [], error: t.failed(e instanceof Failure ? e.message : '') }) },
      )
    }, pause)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [q])
  return { ...result, q, setQ, leave: () => setQ('') }
}

/** The box to search in, and what is found. */
export function Search({ search }: { search: Searching }) {
  const box = useRef<HTMLInputElement>(null)
  const [inside, setInside] = useState(false)
  const latest = useRef(search)
  latest.current = search
  const asked = useStore(searchAsked)
  useLayoutEffect(() => onChord('search', () => {
    if (narrow()) drawer.set(true)
    else sideHidden.set(false)
    searchAsked.update(n => n + 1)
  }), [])
  // Not before the side is drawn where it can be seen.
  useEffect(() => {
    if (!asked) return
    box.current?.focus()
    box.current?.select()
  }, [asked])
  const leave = () => {
    latest.current.leave()
    drawer.set(false)
    focusBox()
  }
  const active = inside || search.q !== ''
  useLayoutEffect(() => (active ? onEscape('search', leave) : undefined), [active])
  const open = (f: Found) => {
    latest.current.leave()
    drawer.set(false)
    if (f.message !== undefined) seek(f.chat.id, f.message)
    openChat(f.chat.id)
    requestAnimationFrame(focusBox)
  }
  return (
    <search class="search" onFocusIn={() => setInside(true)} onFocusOut={() => setInside(false)} onKeyDown={move}>
      <div class="search-box">
        <Icon name="search" size={16} />
        <input
          ref={box} type="search" aria-label={t.name} placeholder={t.name} dir="auto" autocomplete="off" spellcheck={false} value={search.q}
          onInput={e => search.setQ(e.currentTarget.value)}
          onKeyDown={e => {
            const first = search.found[0]
            if (e.key === 'Enter' && !e.isComposing && first && search.asked === search.q.trim().slice(0, longest)) { e.preventDefault(); open(first) }
          }}
        />
        <kbd aria-hidden="true">Ctrl K</kbd>
      </div>
      <div class="unseen" role="status">{search.asked && (search.error || (search.found.length ? t.found(search.found.length) : t.none(search.asked)))}</div>
      {search.asked && (search.found.length > 0
        ? <ul class="results" aria-label={t.results}>{search.found.map((f, i) => <Result key={`${f.chat.id} ${f.message ?? ''} ${i}`} found={f} onOpen={open} />)}</ul>
        : <p class="hint empty" dir="auto">{search.error || t.none(search.asked)}</p>)}
    </search>
  )
}

function Result({ found, onOpen }: { found: Found; onOpen: (f: Found) => void }) {
  return (
    <li>
      <a href={`/chat/${found.chat.id}`} class="result" onClick={e => { if (!e.ctrlKey && !e.metaKey && !e.shiftKey && e.button === 0) { e.preventDefault(); onOpen(found) } }}>
        <span class="result-title" dir="auto">{found.chat.title || en.chats.untitled}</span>
        <span class="result-text" dir="auto">{pieces(found.text, found.marks).map((p, i) => (p.marked ? <mark key={i}>{p.text}</mark> : p.text))}</span>
      </a>
    </li>
  )
}

/** Arrows go from the box into the results and back. */
function move(e: KeyboardEvent): void {
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return
  const area = (e.target as HTMLElement).closest('.search')
  const all = [...(area?.querySelectorAll<HTMLElement>('input, a.result') ?? [])]
  const at = all.indexOf(e.target as HTMLElement)
  if (at < 0 || all.length < 2) return
  e.preventDefault()
  all[(at + (e.key === 'ArrowDown' ? 1 : -1) + all.length) % all.length]?.focus()
}
