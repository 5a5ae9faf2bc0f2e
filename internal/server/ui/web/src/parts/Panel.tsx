import type { ComponentChildren } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks'
import { onEscape } from '../state/keys'
import { closePanel, panel, togglePanel } from '../state/panel'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { Icon, type IconName } from './Icon'

/** A region at the side of the view while the panel of that name is open; beside the text where there is room, over it where not. */
export function Panel({ name, title, children }: { name: string; title: string; children: ComponentChildren }) {
  const open = useStore(panel, p => p === name)
  useEffect(() => {
    there.set(name, (there.get(name) ?? 0) + 1)
    return () => {
      there.set(name, (there.get(name) ?? 1) - 1)
      // The next view may have one of that name: it stays open then.
      setTimeout(() => !there.get(name) && panel.get() === name && panel.set(''))
    }
  }, [name])
  return open ? <Open title={title}>{children}</Open> : null
}

const there = new Map<string, number>() // panels of a name that the page has, open or not

function Open({ title, children }: { title: string; children: ComponentChildren }) {
  const id = useId()
  const ref = useRef<HTMLElement>(null)
  useLayoutEffect(() => ref.current?.querySelector<HTMLElement>('h2')?.focus(), [])
  useLayoutEffect(() => onEscape('panel', closePanel), [])
  return (
    <section ref={ref} class="panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id} tabIndex={-1}>{title}</h2>
        <button type="button" class="quiet square" aria-label={en.common.close} onClick={closePanel}><Icon name="close" /></button>
      </header>
      <div class="panel-body">{children}</div>
    </section>
  )
}

/** The button that opens and closes a panel. */
export function PanelButton({ name, title, icon, text }: { name: string; title: string; icon: IconName; text?: boolean }) {
  const open = useStore(panel, p => p === name)
  return (
    <button type="button" class={text ? 'quiet' : 'quiet square'} aria-label={title} title={title} aria-expanded={open} onClick={() => togglePanel(name)}>
      <Icon name={icon} />{text && <span>{title}</span>}
    </button>
  )
}
