import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { keepFocus } from '../state/focus'
import { onEscape } from '../state/keys'
import { en } from '../text/en'
import { Icon } from './Icon'

interface Props {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** The row of buttons at its end. */
  actions?: ComponentChildren
  wide?: boolean
  /** alertdialog for a question that something hangs on. */
  role?: 'alertdialog'
}

/** A window over the page while it is drawn. The focus stays inside and goes back to where it was; Escape and a click beside it close it. */
export function Dialog({ title, onClose, children, actions, wide, role }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  const close = useRef(onClose)
  close.current = onClose
  useLayoutEffect(() => {
    const d = ref.current
    const back = keepFocus()
    d?.showModal()
    if (d && !d.contains(document.activeElement)) d.focus()
    return () => {
      d?.close()
      back()
    }
  }, [])
  useLayoutEffect(() => onEscape('dialog', () => close.current()), [])
  return (
    <dialog
      ref={ref} class={wide ? 'dialog wide' : 'dialog'} aria-labelledby={id} {...(role && { role })}
      onCancel={e => { e.preventDefault(); close.current() }}
      onMouseDown={e => { if (e.target === ref.current) close.current() }}
      onKeyDown={e => keepInside(e, ref.current)}
    >
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          {!actions && <button type="button" class="quiet square" aria-label={en.common.close} onClick={() => close.current()}><Icon name="close" /></button>}
        </header>
        <div class="dialog-body">{children}</div>
        {actions && <footer class="dialog-foot">{actions}</footer>}
      </div>
    </dialog>
  )
}

const reachable = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), summary, [tabindex]:not([tabindex="-1"])'

/** Tab goes around inside the dialog: a native one would let it out to the browser's own controls. */
function keepInside(e: KeyboardEvent, dialog: HTMLDialogElement | null): void {
  if (e.key !== 'Tab' || !dialog) return
  const all = [...dialog.querySelectorAll<HTMLElement>(reachable)].filter(x => x.checkVisibility({ visibilityProperty: true }))
  const first = all[0]
  const last = all.at(-1)
  if (!first || !last) return e.preventDefault()
  const at = document.activeElement
  if (e.shiftKey ? at === first || at === dialog : at === last) {
    e.preventDefault()
    ;(e.shiftKey ? last : first).focus()
  }
}
