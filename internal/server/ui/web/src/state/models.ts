import { Failure } from '../api/client'
import { events } from '../api/events'
import { models as routes } from '../api/routes'
import type { Model, Models } from '../api/types'
import { me } from './session'
import { Store } from './store'

/** The models of this server; null until they are known. */
export const models = new Store<Models | null>(null)

const none: Models = { models: [], default: '', memory: { total: 0, free: 0 } }

let fetching: Promise<void> | undefined
let stale = false

/** Fetches the list anew. What asks while one is under way has another one come after it. */
export function fetchModels(): Promise<void> {
  stale = fetching !== undefined
  return (fetching ??= (async () => {
    try {
      do {
        stale = false
        models.set(await routes.list({ again: 1_000 }))
      } while (stale)
    } catch (e) {
      if (!(e instanceof Failure)) throw e
      // The server has no list for this caller: what is asked goes to its default, and it says why not.
      if (models.get() === null && e.status !== 401) models.set(none)
    } finally {
      fetching = undefined
    }
  })())
}

/** The models, once they are known. */
export function modelsKnown(): Promise<Models> {
  const now = models.get()
  if (now) return Promise.resolve(now)
  void fetchModels()
  return new Promise(done => {
    const off = models.subscribe(m => {
      if (!m) return
      off()
      done(m)
    })
  })
}

export const modelOf = (name: string | undefined): Model | undefined => models.get()?.models.find(m => m.name === name)

/** Positions that an answer of a model may use, the question included; 0 where it is not known. */
export function contextOf(m: Model | undefined): number {
  if (!m) return 0
  return m.fits > 0 ? Math.min(m.fits, m.context) : m.context
}

/** Follows who is signed in and what the server tells of its models. */
export function followModels(): void {
  events.on('models', () => void fetchModels())
  events.on('hello', (_, again) => void (again && fetchModels()))
  me.subscribe(m => void (m && fetchModels()))
  if (me.get()) void fetchModels()
}
