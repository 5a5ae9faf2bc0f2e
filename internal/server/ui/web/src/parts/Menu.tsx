import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { onEscape } from '../state/keys'
import { mendFocus } from '../state/focus'
import { Icon, type IconName } from './Icon'

export interface Item {
  name: string
  icon?: IconName
  /** What it does; the focus is on the menu's button again when it is called, and fn may move it. */
  run?: () => void
  /** A menu of its own that stands in this one's place. */
  items?: Item[]
  danger?: boolean
  disabled?: boolean
}

interface Props {
  /** The name of the button. */
  name: string
  items: Item[] | (() => Item[])
  /** What the button shows; three dots where it is left out. */
  children?: ComponentChildren
  class?: string
  tabIndex?: number
  title?: string
}

/** A button that opens a menu: arrows, Home, End, letters, Enter; Escape, Tab and a click beside it close it. */
export function MenuButton({ name, items, children, class: cls = 'quiet square', tabIndex, title }: Props) {
  const [open, setOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  return (
    <>
      <button
        ref={button} type="button" class={cls} aria-label={name} aria-haspopup="menu" aria-expanded={open} {...(title !== undefined && { title })} {...(tabIndex !== undefined && { tabIndex })}
        onClick={() => setOpen(!open)}
        onKeyDown={e => { if (e.key === 'ArrowDown' && !open) { e.preventDefault(); e.stopPropagation(); setOpen(true) } }}
      >{children ?? <Icon name="more" />}</button>
      {open && button.current && <Menu name={name} items={typeof items === 'function' ? items() : items} anchor={button.current} onClose={() => setOpen(false)} />}
    </>
  )
}

function Menu({ name, items, anchor, onClose }: { name: string; items: Item[]; anchor: HTMLElement; onClose: () => void }) {
  const ref = useRef<HTMLDivElement>(null)
  const [shown, setShown] = useState(items)
  const close = () => {
    anchor.focus()
    onClose()
  }
  useLayoutEffect(() => {
    const m = ref.current
    if (!m) return
    if (!m.matches(':popover-open')) m.showPopover()
    place(m, anchor)
    m.querySelector<HTMLElement>('[role=menuitem]')?.focus()
  }, [shown])
  useLayoutEffect(() => {
    const off = onEscape('menu', close)
    const beside = (e: Event) => {
      const t = e.target as Node
      if (!ref.current?.contains(t) && !anchor.contains(t)) onClose()
    }
    document.addEventListener('pointerdown', beside, true)
    addEventListener('resize', onClose)
    return () => {
      off()
      document.removeEventListener('pointerdown', beside, true)
      removeEventListener('resize', onClose)
    }
  }, [])
  const choose = (item: Item) => {
    if (item.items) return setShown(item.items)
    close()
    item.run?.()
    mendFocus()
  }
  return (
    <div ref={ref} class="menu" role="menu" aria-label={name} popover="manual" onKeyDown={e => move(e, ref.current, close)}>
      {shown.map(item => (
        <button key={item.name} type="button" role="menuitem" tabIndex={-1} class={item.danger ? 'danger' : ''} disabled={item.disabled ?? false} {...(item.items && { 'aria-haspopup': 'menu' as const })} onClick={e => { e.stopPropagation(); choose(item) }}>
          {item.icon && <Icon name={item.icon} size={16} />}<span>{item.name}</span>{item.items && <Icon name="chevron" size={16} />}
        </button>
      ))}
    </div>
  )
}

/** Puts the menu under its button, or above it where there is more room, inside the window. */
function place(menu: HTMLElement, anchor: HTMLElement): void {
  const a = anchor.getBoundingClientRect()
  const { offsetWidth: w, offsetHeight: h } = menu
  const left = a.left + w > innerWidth - 8 ? a.right - w : a.left
  const top = a.bottom + h + 8 > innerHeight && a.top > innerHeight - a.bottom ? a.top - h - 4 : a.bottom + 4
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - w - 8))}px`
  menu.style.top = `${Math.max(8, Math.min(top, innerHeight - h - 8))}px`
}

function move(e: KeyboardEvent, menu: HTMLElement | null, close: () => void): void {
  const all = [...(menu?.querySelectorAll<HTMLElement>('[role=menuitem]:not(:disabled)') ?? [])]
  const at = all.indexOf(document.activeElement as HTMLElement)
  const to = (i: number) => {
    e.preventDefault()
    e.stopPropagation()
    all[(i + all.length) % all.length]?.focus()
  }
  if (e.key === 'ArrowDown') to(at + 1)
  else if (e.key === 'ArrowUp') to(at < 0 ? -1 : at - 1)
  else if (e.key === 'Home') to(0)
  else if (e.key === 'End') to(-1)
  else if (e.key === 'Tab') {
    e.preventDefault()
    close()
  } else if (e.key.length === 1 && !e.ctrlKey && !e.metaKey && e.key !== ' ') {
    const letter = e.key.toLowerCase()
    const next = [...all.slice(at + 1), ...all.slice(0, at + 1)].find(x => x.textContent?.trim().toLowerCase().startsWith(letter))
    if (next) to(all.indexOf(next))
  }
}
