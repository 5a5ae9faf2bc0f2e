// A private chat: its messages are in this page's memory alone, and each answer is one request whose end ends it.
import { chats } from '../api/routes'
import type { Delta, Message, NewAnswer, PrivateTurn, Turn } from '../api/types'
import { wordsOf } from '../state/notices'
import { modelsKnown } from '../state/models'
import type { Thread } from './thread'

const running = new Map<string, AbortController>()

/** Runs the answers of a turn whose messages stand in the tree. */
export function runPrivately(t: Thread, turn: Turn): void {
  const last = turn.messages.at(-1)
  if (last && !turn.answers.length) t.choose(last.id)
  for (const a of turn.answers) void run(t, a)
}

export function stopPrivately(ids: readonly string[]): void {
  for (const id of ids) running.get(id)?.abort()
}

/** What is sent for an answer: the path to its parent from the last cut on, and where it goes on the answer itself. */
function privateTurn(t: Thread, a: NewAnswer): PrivateTurn {
  const path = t.tree.path(a.continue ? a.id : a.parent)
  const from = Math.max(0, path.findLastIndex(id => t.cuts.get().some(c => c.at === id)))
  return {
    parameters: a.parameters,
    messages: path.slice(from).flatMap(id => {
      const m = t.tree.get(id)
      if (!m) return []
      return [{ role: m.role, content: m.content, ...pick(m, 'files'), ...pick(m, 'results'), ...pick(m, 'calls'), ...pick(m, 'reasoning') }]
    }),
    ...(a.continue ? { continue: true } : {}),
  }
}

function pick<K extends 'files' | 'results' | 'calls' | 'reasoning'>(m: Message, key: K): Partial<Pick<Message, K>> {
  const v = m[key]
  return v === undefined || v.length === 0 ? {} : { [key]: v } as unknown as Partial<Pick<Message, K>>
}

async function run(t: Thread, a: NewAnswer): Promise<void> {
  const stop = new AbortController()
  running.set(a.id, stop)
  const before = a.continue ? t.tree.get(a.id) : undefined
  const body = privateTurn(t, a)
  const own = { id: a.id, parent: a.parent, created: before?.created ?? new Date().toISOString(), ...(a.beside === undefined ? {} : { beside: a.beside }) }
  const begun: Message = { ...before, ...own, role: 'assistant', content: before?.content ?? '', parameters: a.parameters, status: 'running', seq: 0, ...(a.parameters.model === undefined ? {} : { model: a.parameters.model }) }
  t.take([begun])
  const end = (m: Message, status: Message['status'], error = '') => {
    const { seq: _, thinking: __, ...rest } = m
    t.take([{ ...rest, status: status ?? 'failed', ...(error ? { error } : {}) }])
  }
  try {
    const known = await modelsKnown()
    if (body.parameters.model === undefined && known.default) body.parameters = { model: known.default, ...body.parameters }
    for await (const e of chats.private(body, stop.signal)) {
      if (e.event === 'message') t.take([{ ...(e.value as Message), ...own }])
      else if (e.event === 'delta' && !t.delta({ ...(e.value as Delta), message: a.id })) throw new Error('a part of the answer is missing')
    }
    const m = t.tree.get(a.id)
    if (m?.status === 'running') end(m, 'interrupted')
  } catch (e) {
    const m = t.tree.get(a.id)
    if (m) end(m, stop.signal.aborted ? 'stopped' : m.content || m.reasoning ? 'interrupted' : 'failed', stop.signal.aborted ? '' : wordsOf(e))
  } finally {
    running.delete(a.id)
  }
}
