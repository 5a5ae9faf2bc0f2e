import { useLayoutEffect, useState } from 'preact/hooks'
import { Icon } from '../parts/Icon'
import { focusBox } from '../state/focus'
import { useStore } from '../state/store'
import { text } from '../text/conversation'
import { attach, detach } from './attachments'
import { modelOfThread } from './model'
import type { Thread } from './thread'

/** The files that go with the next message. */
export function Chips({ t }: { t: Thread }) {
  const all = useStore(t.attachments)
  if (!all.length) return null
  return (
    <ul class="chips" aria-label={text.attachments}>
      {all.map(a => (
        <li key={a.key} class="chip">
          <Icon name="file" size={16} />
          <span class="chip-name" dir="auto">{a.name}</span>
          <span class="chip-size">{a.file ? text.tokens(a.file.tokens) : text.reading}</span>
          <button type="button" class="quiet square small" aria-label={text.remove(a.name)} onClick={() => { detach(t, a.key); focusBox() }}><Icon name="close" size={16} /></button>
        </li>
      ))}
    </ul>
  )
}

/** Takes files that are dropped anywhere on the page. */
export function DropPlace({ t }: { t: Thread }) {
  const [over, setOver] = useState(false)
  useLayoutEffect(() => {
    let depth = 0
    const carries = (e: DragEvent) => e.dataTransfer?.types.includes('Files') ?? false
    const end = () => {
      depth = 0
      setOver(false)
    }
    const on = {
      dragenter: (e: DragEvent) => {
        if (!carries(e)) return
        e.preventDefault()
        depth++
        setOver(true)
      },
      dragover: (e: DragEvent) => {
        if (!carries(e)) return
        e.preventDefault()
        if (e.dataTransfer) e.dataTransfer.dropEffect = 'copy'
      },
      dragleave: (e: DragEvent) => { if (carries(e) && --depth <= 0) end() },
      drop: (e: DragEvent) => {
        if (!carries(e)) return
        e.preventDefault()
        end()
        if (document.querySelector('dialog[open]')) return
        attach(t, [...e.dataTransfer?.files ?? []], modelOfThread(t))
        focusBox()
      },
    }
    for (const [name, fn] of Object.entries(on)) document.addEventListener(name, fn as EventListener)
    return () => { for (const [name, fn] of Object.entries(on)) document.removeEventListener(name, fn as EventListener) }
  }, [t])
  return over ? <div class="drop" aria-hidden="true"><span>{text.drop}</span></div> : null
}
