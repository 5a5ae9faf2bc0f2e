import { Store } from './store'

export type Route = { view: 'chat'; chat: string } | { view: 'models' } | { view: 'admin' }

/** The route of a path; what is not known is a new chat (chat ''). */
export function routeOf(path: string): Route {
  const [, first, second = '', more] = path.split('/')
  if (more === undefined || more === '') {
    if (first === 'chat' && /^[A-Za-z0-9_-]{8,64}$/.test(second)) return { view: 'chat', chat: second }
    if (first === 'view' && (second === 'models' || second === 'admin')) return { view: second }
  }
  return { view: 'chat', chat: '' }
}

export function pathOf(route: Route): string {
  if (route.view !== 'chat') return `/view/${route.view}`
  return route.chat ? `/chat/${route.chat}` : '/'
}

export const route = new Store<Route>(routeOf(typeof location === 'undefined' ? '/' : location.pathname))

/** Counts the new chats that were asked for: who asks for one while an empty one is shown gets a fresh one. */
export const fresh = new Store(0)

/** Shows a route. With replace the address before it is not gone back to. */
export function go(to: Route, replace = false): void {
  const path = pathOf(to)
  if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path)
  route.set(to)
}

export const openChat = (chat: string, replace = false) => go({ view: 'chat', chat }, replace)

export function newChat(): void {
  openChat('')
  fresh.update(n => n + 1)
}

/** Follows the browser's back and forward, and clicks on links of the page itself. */
export function followHistory(): void {
  addEventListener('popstate', () => route.set(routeOf(location.pathname)))
  document.addEventListener('click', e => {
    if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return
    const a = (e.target as Element | null)?.closest?.('a[data-route]')
    if (!(a instanceof HTMLAnchorElement)) return
    e.preventDefault()
    go(routeOf(new URL(a.href).pathname))
  })
}
