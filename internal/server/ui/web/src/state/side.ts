import { Store } from './store'

/** Whether the list of chats lies over a narrow page. */
export const drawer = new Store(false)

/** Whether the list is put away on a wide page; the browser remembers it. */
export const sideHidden = new Store(false)

/** Counts how often the search was asked for by its keys. */
export const searchAsked = new Store(0)

const key = 'side-hidden'

export function followSide(): void {
  try {
    sideHidden.set(localStorage.getItem(key) !== null)
    sideHidden.subscribe(h => (h ? localStorage.setItem(key, '1') : localStorage.removeItem(key)))
  } catch {
    // Storage is forbidden: it is shown at each start.
  }
}
