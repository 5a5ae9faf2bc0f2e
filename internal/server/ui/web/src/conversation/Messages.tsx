import type { VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../parts/Icon'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { en } from '../text/en'
import { Answer } from './Answer'
import { around, earlier, grown, later, tailOf, type Part } from './part'
import { Question } from './Question'
import { fetchChat } from './shown'
import type { Thread } from './thread'
import type { Row } from './tree'
import { Follower } from './scrolling'

/** The messages on the shown path: the last ones, and earlier ones as they are scrolled to. */
export function Messages({ t }: { t: Thread }) {
  const rows = useStore(t.rows)
  const phase = useStore(t.phase)
  const failure = useStore(t.failure)
  const cuts = useStore(t.cuts)
  const scroll = useRef<HTMLDivElement>(null)
  const inner = useRef<HTMLDivElement>(null)
  const follower = useRef<Follower>(undefined)
  const [away, setAway] = useState(false)
  const [, redraw] = useState(0)
  const part = useRef<Part>({ start: 0, end: 0, tail: true })
  const total = useRef(0)
  part.current = grown(part.current, total.current, rows.length)
  total.current = rows.length
  const { start, end, tail } = part.current
  const go = (next: Part) => {
    part.current = next
    redraw(n => n + 1)
  }
  const move = (next: Part) => {
    follower.current?.hold()
    go(next)
  }
  const toEnd = () => {
    if (part.current.tail) return follower.current?.toEnd()
    ends.current = true
    return go(tailOf(rows.length))
  }
  const ends = useRef(false)
  useLayoutEffect(() => {
    if (!scroll.current || !inner.current) return
    const f = (follower.current = new Follower(scroll.current, inner.current, setAway))
    return () => f.end()
  }, [])
  useLayoutEffect(() => {
    const f = follower.current
    if (!f) return
    f.tail = tail
    f.release()
    if (ends.current) f.toEnd()
    ends.current = false
  }, [start, end, tail])
  // who sends something wants to see it
  useEffect(() => {
    const last = rows.at(-1)
    if (last && t.unsent.has(last.on)) toEnd()
  }, [rows])
  useSought(t, rows, part.current, next => { follower.current?.stay(); go(next) }, () => follower.current?.stay())
  const drawn = useRef(new Map<Row, VNode>())
  const nodes = rows.slice(start, end).map(row => {
    let v = drawn.current.get(row)
    if (!v) {
      v = row.role === 'user' ? <Question key={row.key} t={t} row={row} /> : <Answer key={row.key} t={t} row={row} />
      drawn.current.set(row, v)
    }
    const cut = cuts.findLast(c => row.ids.includes(c.at))
    return cut ? [<CutLine key={`cut ${row.key}`} summary={cut.summary ?? ''} />, v] : v
  })
  if (drawn.current.size > nodes.length + 100) {
    const now = new Set(rows.slice(start, end))
    for (const row of drawn.current.keys()) if (!now.has(row)) drawn.current.delete(row)
  }
  return (
    <div class="scroll" ref={scroll}>
      <div class={rows.slice(start, end).some(r => r.ids.length > 1) ? 'messages wide' : 'messages'} ref={inner}>
        {start > 0 && <More name={text.earlier} onNear={() => move(earlier(part.current, rows.length))} />}
        {phase === 'loading' && !rows.length && <p class="hint middle">{text.loading}</p>}
        {phase === 'failed' && (
          <div class="middle" role="alert"><p>{text.notFetched(failure)}</p><button type="button" class="button" onClick={() => { t.phase.set('loading'); void fetchChat(t) }}>{en.common.tryAgain}</button></div>
        )}
        {nodes}
        {!tail && <More name={text.later} onNear={() => move(later(part.current, rows.length))} />}
      </div>
      {(away || !tail) && <button type="button" class="button square round to-end" aria-label={text.toEnd} title={text.toEnd} onClick={toEnd}><Icon name="down" /></button>}
    </div>
  )
}

/** Stands at an end of what is drawn and has more drawn before it comes into sight. */
function More({ name, onNear }: { name: string; onNear: () => void }) {
  const ref = useRef<HTMLButtonElement>(null)
  const near = useRef(onNear)
  near.current = onNear
  useEffect(() => {
    const e = ref.current
    const root = e?.closest('.scroll')
    if (!e || !root) return
    const seen = new IntersectionObserver(all => { if (all.some(x => x.isIntersecting)) near.current() }, { root, rootMargin: '1600px 0px' })
    const look = () => { seen.unobserve(e); seen.observe(e) } // observing anew tells again where it stays in sight
    look()
    const timer = setInterval(look, 100)
    return () => {
      clearInterval(timer)
      seen.disconnect()
    }
  }, [])
  return <button ref={ref} type="button" class="quiet earlier" onClick={onNear}>{name}</button>
}

/** Shows a message that was searched for. */
function useSought(t: Thread, rows: readonly Row[], { start, end }: Part, go: (p: Part) => void, stay: () => void): void {
  const sought = useStore(t.sought)
  useEffect(() => {
    if (!sought || t.phase.get() !== 'ready') return
    const i = rows.findIndex(r => r.ids.includes(sought) || r.results === sought)
    if (i < 0) {
      if (t.tree.get(sought)) t.select(sought)
      else t.sought.set('')
      return
    }
    if (i < start || i >= end) return go(around(i, rows.length))
    t.sought.set('')
    stay()
    requestAnimationFrame(() => document.getElementById(`m-${rows[i]?.on ?? ''}`)?.scrollIntoView({ block: 'start' }))
  }, [sought, rows, start, end])
}

function CutLine({ summary }: { summary: string }) {
  return (
    <div class="cut-line" role="note">
      <p>{text.cutHere}</p>
      {summary && <details><summary>{text.cutSummary}</summary><p dir="auto" class="plain">{summary}</p></details>}
    </div>
  )
}
