import { Failure } from '../api/client'
import { events } from '../api/events'
import { pulls as routes } from '../api/routes'
import type { Pull } from '../api/types'
import { fetchModels } from '../state/models'
import { say, warn, wordsOf } from '../state/notices'
import { Store } from '../state/store'
import { text } from '../text/models'

/** The pulls of the server that are not done; null until they are known. */
export const pulls = new Store<Pull[] | null>(null)

let followed = false

/** Fetches the pulls and follows them from then on. */
export function followPulls(): void {
  void fetchPulls()
  if (followed) return
  followed = true
  events.on('pulls', e => take(e.pulls))
  events.on('hello', (_, again) => void (again && fetchPulls()))
}

async function fetchPulls(): Promise<void> {
  try {
    take((await routes.list()).pulls)
  } catch (e) {
    if (!(e instanceof Failure)) throw e
    pulls.update(p => p ?? []) // a key without the scope models has none
  }
}

/** Takes the server's list, and says which of them ended since the last one. */
function take(now: readonly Pull[]): void {
  const before = new Map((pulls.get() ?? []).map(p => [p.id, p]))
  for (const p of now) {
    const was = before.get(p.id)
    if (!was || was.state === p.state) continue
    if (p.state === 'failed') warn(text.notPulled(p.name, p.error ?? ''))
    if (p.state === 'done') arrived(p.name)
  }
  // a pull that was done may be gone from the list before it was seen so
  for (const [id, was] of before) if (was.state === 'running' && !now.some(p => p.id === id)) void fetchModels()
  pulls.set(now.filter(p => p.state !== 'done'))
}

function arrived(name: string): void {
  say(text.pulled(name))
  void fetchModels()
}

/** Begins a pull; returns why it could not be, '' where it is under way. */
export async function begin(name: string): Promise<string> {
  try {
    const p = await routes.begin(name)
    if (p.state === 'done') arrived(p.name)
    put(p)
    return p.state === 'failed' ? text.notPulled(name, p.error ?? '') : ''
  } catch (e) {
    return text.notPulled(name, wordsOf(e))
  }
}

export const pause = (p: Pull) => change(p, () => routes.pause(p.id))
export const resume = (p: Pull) => change(p, () => routes.resume(p.id))

export async function remove(p: Pull): Promise<void> {
  try {
    await routes.remove(p.id)
    pulls.update(all => all?.filter(o => o.id !== p.id) ?? null)
    say(text.removed(p.name))
  } catch (e) {
    warn(text.notDone(p.name, wordsOf(e)))
  }
}

async function change(p: Pull, ask: () => Promise<Pull>): Promise<void> {
  try {
    put(await ask())
  } catch (e) {
    warn(text.notDone(p.name, wordsOf(e)))
  }
}

function put(p: Pull): void {
  if (p.state === 'done') return
  pulls.update(all => {
    const list = all ?? []
    return list.some(o => o.id === p.id) ? list.map(o => (o.id === p.id ? p : o)) : [...list, p]
  })
}
