// Where the focus goes, so that it is never lost.

let box: HTMLElement | null = null

/** The message box of the view that is shown; where nothing else is left, the focus goes there. */
export function setBox(element: HTMLElement | null): void {
  box = element
}

const shown = (e: HTMLElement) => e.isConnected && e.checkVisibility({ visibilityProperty: true })

/** Puts the focus into the message box, or where there is none on the view's heading. */
export function focusBox(): void {
  const to = box && shown(box) ? box : document.querySelector<HTMLElement>('main h1')
  to?.focus()
}

/** Returns what gives the focus back to the element that has it; to the message box where that is gone. */
export function keepFocus(): () => void {
  const before = document.activeElement
  return () => {
    if (before instanceof HTMLElement && before !== document.body && shown(before)) before.focus()
    else focusBox()
  }
}

/** After the page is drawn anew: where the focus was lost it goes to the message box. */
export function mendFocus(): void {
  requestAnimationFrame(() => {
    const e = document.activeElement
    if (!e || e === document.body) focusBox()
  })
}
