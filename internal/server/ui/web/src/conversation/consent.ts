// Calls on servers of tools: each runs with the person's consent, once, for the chat, or always.
import { tools } from '../api/routes'
import type { Message, Result } from '../api/types'
import { warn, wordsOf } from '../state/notices'
import { text } from '../text/conversation'
import { argumentsOf, callKey, complete, consentName, wanted, type Wanted } from './calls'
import { setParameters, submit } from './delivery'
import { withValue } from './parameters'
import type { Thread } from './thread'
import { giveResults } from './turns'

export type Consent = 'once' | 'chat' | 'always'

let always: Promise<readonly string[]> | undefined

/** The tools that run without a question everywhere. */
function allowedAlways(): Promise<readonly string[]> {
  return (always ??= tools.allowed().then(r => r.allowed, () => {
    always = undefined
    return [] // without the list each call is asked for
  }))
}

/** Runs the calls of an answer that the person allowed before. Only for answers that were asked for in this page: elsewhere they run as well. */
export async function runAllowed(t: Thread, m: Message): Promise<void> {
  if (!t.own.has(m.id)) return
  const calls = wanted(m, t.parameters.get()).filter(w => w.server !== undefined && !t.outcomes.has(callKey(m, w.call.id)))
  if (!calls.length) return
  const everywhere = await allowedAlways()
  for (const w of calls) {
    const name = consentName(w.server ?? '', w.tool ?? '')
    if (!t.outcomes.has(callKey(m, w.call.id)) && (everywhere.includes(name) || t.parameters.get().allowed?.includes(name))) void run(t, m, w)
  }
}

/** Runs a call by the person's consent. */
export async function allow(t: Thread, m: Message, w: Wanted, consent: Consent): Promise<void> {
  const name = consentName(w.server ?? '', w.tool ?? '')
  if (consent === 'chat') {
    const p = t.parameters.get()
    if (!p.allowed?.includes(name)) setParameters(t, withValue(p, 'allowed', [...p.allowed ?? [], name]))
  }
  if (consent === 'always') {
    try {
      const now = await tools.allowed()
      always = Promise.resolve(now.allowed.includes(name) ? now.allowed : (await tools.allow([...now.allowed, name])).allowed)
    } catch (e) {
      warn(text.notAllowed(wordsOf(e)))
    }
  }
  await run(t, m, w)
}

/** The model is told that the person does not want the call. */
export function decline(t: Thread, m: Message, w: Wanted): void {
  settle(t, m, { call: w.call.id, name: w.call.name, content: text.declined, failed: true })
}

async function run(t: Thread, m: Message, w: Wanted): Promise<void> {
  if (t.outcomes.has(callKey(m, w.call.id))) return
  const args = argumentsOf(w.call)
  if (!args) return settle(t, m, { call: w.call.id, name: w.call.name, content: text.badArguments, failed: true })
  t.outcomes.set(callKey(m, w.call.id), 'running')
  t.touch(m.id)
  try {
    const r = await tools.call(w.server ?? '', w.tool ?? '', args)
    settle(t, m, { call: w.call.id, name: w.call.name, content: r.content, ...(r.failed ? { failed: true } : {}) })
  } catch (e) {
    t.outcomes.delete(callKey(m, w.call.id))
    t.touch(m.id)
    warn(text.notCalled(wordsOf(e)))
  }
}

/** Takes a result; with the last one, where nothing is typed in by hand, the model goes on. */
function settle(t: Thread, m: Message, r: Result): void {
  t.outcomes.set(callKey(m, r.call), r)
  t.touch(m.id)
  const calls = wanted(m, t.parameters.get())
  if (calls.every(w => w.server !== undefined)) send(t, m)
}

/** Sends the results that are there; false while one is missing. */
export function send(t: Thread, m: Message): boolean {
  const calls = wanted(m, t.parameters.get())
  const have = new Map<string, Result>()
  for (const w of calls) {
    const o = t.outcomes.get(callKey(m, w.call.id))
    if (o && o !== 'running') have.set(w.call.id, o)
    else if (w.server === undefined) have.set(w.call.id, { call: w.call.id, name: w.call.name, content: t.typed.get(callKey(m, w.call.id)) ?? '' })
  }
  const results = complete(calls, have)
  if (!results || !t.tree.path().includes(m.id)) return false
  submit(t, giveResults(m.id, results, t.parameters.get()))
  return true
}
