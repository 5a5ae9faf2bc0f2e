import type { Parameters } from '../api/types'

/** The fields of the panel that hold one value. */
export type Field = 'system' | 'temperature' | 'top_p' | 'top_k' | 'min_p' | 'repeat_penalty' | 'seed' | 'max_tokens' | 'reasoning_budget' | 'schema' | 'tools'

/** Why a text is no value. */
export type Fault =
  | { kind: 'number'; least: number; most: number }
  | { kind: 'whole'; least: number; most: number }
  | { kind: 'json'; words: string }
  | { kind: 'object' } | { kind: 'array' }
  | { kind: 'tool'; at: number } | { kind: 'twice'; name: string } | { kind: 'many'; most: number } | { kind: 'long'; most: number }

export type Read = { value: Parameters[Field] } | { fault: Fault }

const SAFE = Number.MAX_SAFE_INTEGER
const RANGES: { [F in Field]?: { whole: boolean; least: number; most: number } } = {
  temperature: { whole: false, least: 0, most: 2 },
  top_p: { whole: false, least: 0, most: 1 },
  top_k: { whole: true, least: 0, most: 1_000_000 },
  min_p: { whole: false, least: 0, most: 1 },
  repeat_penalty: { whole: false, least: 0, most: 10 },
  seed: { whole: true, least: 0, most: SAFE },
  max_tokens: { whole: true, least: 1, most: 100_000_000 },
  reasoning_budget: { whole: true, least: 0, most: 100_000_000 },
}

/** Longest JSON that is read, in characters. */
const LONGEST = 1_000_000
const TOOLS = 128

/** Reads what a person typed into a field. Nothing but blanks is no value: the server's default holds. */
export function read(field: Field, text: string): Read {
  if (text.trim() === '') return { value: undefined }
  if (field === 'system') return { value: text }
  if (field === 'schema' || field === 'tools') return readJSON(field, text)
  const range = RANGES[field]
  if (!range) return { value: undefined }
  const t = text.trim().replace(',', '.')
  const fault: Read = { fault: { kind: range.whole ? 'whole' : 'number', least: range.least, most: range.most } }
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(t)) return fault
  const n = Number(t)
  if (!Number.isFinite(n) || n < range.least || n > range.most || (range.whole && !Number.isInteger(n))) return fault
  return { value: n }
}

function readJSON(field: 'schema' | 'tools', text: string): Read {
  if (text.length > LONGEST) return { fault: { kind: 'long', most: LONGEST } }
  let v: unknown
  try {
    v = JSON.parse(text)
  } catch (e) {
    return { fault: { kind: 'json', words: e instanceof Error ? e.message : String(e) } }
  }
  if (field === 'schema') return isObject(v) ? { value: v } : { fault: { kind: 'object' } }
  if (!Array.isArray(v)) return { fault: { kind: 'array' } }
  if (v.length > TOOLS) return { fault: { kind: 'many', most: TOOLS } }
  const names = new Set<string>()
  for (const [at, tool] of v.entries()) {
    const name = toolName(tool)
    if (name === undefined) return { fault: { kind: 'tool', at: at + 1 } }
    if (names.has(name)) return { fault: { kind: 'twice', name } }
    names.add(name)
  }
  return { value: v.length ? v as object[] : undefined }
}

/** The name of a tool in OpenAI's form; undefined if it is none. */
function toolName(tool: unknown): string | undefined {
  if (!isObject(tool) || tool['type'] !== 'function' || !isObject(tool['function'])) return undefined
  const f = tool['function']
  if (typeof f['name'] !== 'string' || !/^[A-Za-z0-9_.-]{1,64}$/.test(f['name'])) return undefined
  if (f['description'] !== undefined && typeof f['description'] !== 'string') return undefined
  return f['parameters'] === undefined || isObject(f['parameters']) ? f['name'] : undefined
}

export function isObject(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v)
}

/** A value as it stands in its field. */
export function write(field: Field, p: Parameters): string {
  const v = p[field]
  if (v === undefined) return ''
  return typeof v === 'object' ? JSON.stringify(v, null, 2) : String(v)
}

/** p with one value set, or taken out where it is undefined, empty or has nothing in it. */
export function withValue<K extends keyof Parameters>(p: Parameters, key: K, value: Parameters[K] | undefined): Parameters {
  const out = { ...p }
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) delete out[key]
  else out[key] = value
  return out
}

/** Whether two say the same; the order of keys does not count. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => same(x, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(k => k in b && same(a[k], b[k]))
}

/** What a preset sets in a chat: all but what belongs to this chat and this machine's consent. */
export function fromPreset(now: Parameters, preset: Parameters, models: readonly string[]): Parameters {
  const out: Parameters = { ...preset }
  delete out.allowed
  if (now.allowed) out.allowed = now.allowed
  if (out.model === undefined || (models.length > 0 && !models.includes(out.model))) {
    delete out.model
    if (now.model !== undefined) out.model = now.model
  }
  return out
}

/** What of a chat's parameters goes into a preset. */
export function toPreset(p: Parameters): Parameters {
  const out = { ...p }
  delete out.allowed
  return out
}
