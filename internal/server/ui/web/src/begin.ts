import { Failure, me, refused } from './api/client'
import { events } from './api/events'
import { session } from './api/routes'
import type { Me } from './api/types'
import { followThreads } from './conversation/shown'
import { fetchChats, followChats, forgetChats, showEarly } from './state/chats'
import { followKeys } from './state/keys'
import { followModels } from './state/models'
import { openPanel } from './state/panel'
import { followHistory, newChat, route } from './state/router'
import { followSide } from './state/side'
import { followTheme } from './state/theme'

/** Starts what follows the browser and the server. */
export function begin(): void {
  followTheme()
  followSide()
  followKeys()
  followHistory()
  followChats()
  followThreads()
  followModels()
  const follow = () => {
    const r = route.get()
    events.follow(r.view === 'chat' ? r.chat : '')
  }
  follow()
  route.subscribe(follow)
  // A stream of events that ends does not say why: a key that is not accepted any more is asked for.
  events.line.subscribe(line => void (line === 'lost' && session.me({ again: 0, timeout: 10_000 }).catch(() => undefined)))
  refused.subscribe(why => (why ? events.close() : me.get() && events.resume()))
  me.subscribe(followWho)
  void know()
}

let who = '' // whose chats are shown

/** Shows nothing of one person to another: the list is fetched anew when somebody else is signed in. */
function followWho(m: Me | null): void {
  if (!m) return
  const now = JSON.stringify([m.name, m.owner, m.signed_in])
  if (now === who) return
  const first = who === ''
  who = now
  forgetChats()
  if (first) events.begin()
  else if (route.get().view === 'chat') newChat()
  events.open()
  if (first) void showEarly()
  void fetchChats()
}

/** Asks who is signed in until the server says so. Where it wants a key, there is the place to give it. */
async function know(): Promise<void> {
  for (;;) {
    try {
      if (!(await session.me({ again: 1_000 }))) openPanel('settings')
      return
    } catch (e) {
      if (!(e instanceof Failure)) throw e
      await new Promise(done => setTimeout(done, 5_000))
    }
  }
}
