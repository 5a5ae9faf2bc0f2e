import { Store } from './store'

export type Theme = 'system' | 'light' | 'dark'
const key = 'theme'

function read(): Theme {
  try {
    const t = localStorage.getItem(key)
    return t === 'light' || t === 'dark' ? t : 'system'
  } catch {
    return 'system'
  }
}

export const theme = new Store<Theme>('system')

export function setTheme(t: Theme): void {
  try {
    if (t === 'system') localStorage.removeItem(key)
    else localStorage.setItem(key, t)
  } catch {
    // Storage is forbidden: the choice holds for this page.
  }
  theme.set(t)
}

/** Puts the chosen theme on the document now and whenever it changes, in other tabs too. */
export function followTheme(): void {
  const show = (t: Theme) => {
    if (t === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = t
  }
  theme.subscribe(show)
  theme.set(read())
  addEventListener('storage', e => e.key === key && theme.set(read()))
}
