import { Store } from './store'
import { keepFocus } from './focus'

/** The panel that is open, by its name; '' for none. */
export const panel = new Store('')

let back: (() => void) | undefined

export function openPanel(name: string): void {
  if (!panel.get()) back = keepFocus()
  panel.set(name)
}

/** Closes the open panel and gives the focus back to where it was. */
export function closePanel(): void {
  if (!panel.get()) return
  panel.set('')
  back?.()
  back = undefined
}

export const togglePanel = (name: string) => (panel.get() === name ? closePanel() : openPanel(name))
