import { useLayoutEffect, useRef } from 'preact/hooks'
import { onEscape } from '../state/keys'
import { text } from '../text/conversation'
import { fit } from './hooks'
import type { Thread } from './thread'

interface Props {
  t: Thread
  id: string
  /** The message's own element: it gets the focus back. */
  article: { current: HTMLElement | null }
  words: string
  /** What the button is called that takes the text: Send or Save. */
  action: string
  onDone: (words: string) => void
}

/** A message as it is edited, in its place. */
export function EditBox({ t, id, article, words, action, onDone }: Props) {
  const area = useRef<HTMLTextAreaElement>(null)
  const leave = () => {
    t.edit(id, undefined)
    t.flush()
    backTo(article.current)
  }
  useLayoutEffect(() => {
    const a = area.current
    fit(a)
    a?.focus()
    a?.setSelectionRange(a.value.length, a.value.length)
  }, [])
  useLayoutEffect(() => fit(area.current), [words])
  useLayoutEffect(() => onEscape('edit', leave), [])
  // what stands in the field, which may be a frame ahead of what was drawn
  const done = () => {
    const now = area.current?.value ?? words
    if (now.trim()) onDone(now)
  }
  return (
    <form class="edit" onSubmit={e => { e.preventDefault(); done() }}>
      <textarea
        ref={area} class="box-text" aria-label={text.editMessage} dir="auto" rows={2} value={words}
        onInput={e => t.edit(id, e.currentTarget.value)}
        onKeyDown={e => {
          if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey) || e.isComposing || e.keyCode === 229) return
          e.preventDefault()
          done()
        }}
      />
      <div class="buttons">
        <button type="submit" class="button primary small">{action}</button>
        <button type="button" class="button small" onClick={leave}>{text.cancel}</button>
      </div>
    </form>
  )
}

/** Gives the focus to what edits a message, or the message itself. */
export function backTo(article: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const to = article?.querySelector<HTMLElement>('[data-act=edit], [data-act=more-place] button') ?? article
    to?.focus()
  })
}
