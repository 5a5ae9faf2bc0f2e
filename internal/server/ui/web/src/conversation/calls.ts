import type { Call, Message, Parameters, Result } from '../api/types'
import { isObject } from './parameters'

/** A call of an answer: typed in by a person, or run on a server of tools. */
export interface Wanted { call: Call; label: string; server?: string; tool?: string }

/** Between a server and its tool in the name that the model calls. */
const JOINT = '__'

/** The calls of an answer. label is the call's name, with a number where a name is called more than once. */
export function wanted(m: Message, parameters: Parameters): Wanted[] {
  const calls = m.calls ?? []
  const times = new Map<string, number>()
  for (const c of calls) times.set(c.name, (times.get(c.name) ?? 0) + 1)
  const nth = new Map<string, number>()
  return calls.map(call => {
    const n = (nth.get(call.name) ?? 0) + 1
    nth.set(call.name, n)
    const label = (times.get(call.name) ?? 0) > 1 ? `${call.name} (${n})` : call.name
    return { call, label, ...place(call.name, parameters) }
  })
}

/** The server and tool behind a name, where the chat has that server and no tool of its own with the name. */
function place(name: string, p: Parameters): { server: string; tool: string } | undefined {
  for (const t of p.tools ?? []) {
    const f = (t as { function?: { name?: unknown } }).function
    if (f?.name === name) return undefined
  }
  let found: { server: string; tool: string } | undefined
  for (const server of p.mcp ?? []) {
    if (name.startsWith(server + JOINT) && name.length > server.length + JOINT.length && server.length > (found?.server.length ?? -1)) {
      found = { server, tool: name.slice(server.length + JOINT.length) }
    }
  }
  return found
}

/** A call's name in a chat: models count their calls anew in each answer. */
export function callKey(m: Message, call: string): string {
  return `${m.id} ${call}`
}

/** The name under which consent to a tool is kept. */
export function consentName(server: string, tool: string): string {
  return `${server}/${tool}`
}

/** Arguments as a person reads them; what is no JSON as it came. */
export function tidy(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** The arguments of a call as an object; undefined where they are none. */
export function argumentsOf(call: Call): Record<string, unknown> | undefined {
  try {
    const v: unknown = JSON.parse(call.arguments.trim() === '' ? '{}' : call.arguments)
    return isObject(v) ? v : undefined
  } catch {
    return undefined
  }
}

/** The results in the order of the calls; undefined while one is missing. */
export function complete(calls: readonly Wanted[], have: ReadonlyMap<string, Result>): Result[] | undefined {
  const out: Result[] = []
  for (const w of calls) {
    const r = have.get(w.call.id)
    if (!r) return undefined
    out.push(r)
  }
  return out
}
