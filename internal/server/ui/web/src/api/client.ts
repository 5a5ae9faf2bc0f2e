import { Store } from '../state/store'
import type { Me, Session } from './types'

/** Why a request failed. status 0: no answer came (the server is gone, the line broke, it took too long). */
export class Failure extends Error {
  override name = 'Failure'
  constructor(readonly status: number, message: string, readonly code = '', readonly param = '') {
    super(message)
  }

  /** Whether the same request may do better later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

/** Who is signed in; null until it is known. */
export const me = new Store<Me | null>(null)

/** Why the server took no request of this caller the last time, in its words; '' while it takes them. */
export const refused = new Store('')

export interface Ask {
  signal?: AbortSignal
  /** Milliseconds until it counts as unanswered; 0: never. */
  timeout?: number
  /** How often it is sent again after a failure that may pass. Only for requests that do nothing twice. */
  again?: number
  query?: Record<string, string | number | boolean | undefined>
}

/** What is answered here is no sign that requests are taken, or not: a look says so in words, and a wrong key is told where it is typed. */
const session = '/ui/api/session'

/** What the page's HTML asked for before this script ran, by address. */
const asked = (globalThis as { asked?: Record<string, Promise<Response>> }).asked ?? {}

/** The answer to what the page's HTML asked for, once; undefined: it did not, or it failed. */
export async function early(where: string): Promise<Response | undefined> {
  const answer = asked[where]
  delete asked[where]
  const r = await answer?.catch(() => undefined)
  return r?.ok ? r : undefined
}

/** What was asked for as one person is not shown to who signs in behind them. */
function forgetEarly(): void {
  for (const where of Object.keys(asked)) delete asked[where]
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const wait = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((done, fail) => {
    const t = setTimeout(done, ms)
    signal?.addEventListener('abort', () => (clearTimeout(t), fail(signal.reason)), { once: true })
  })

/** The address of a route with its query; parameters that are undefined are left out. */
export function address(path: string, query: Ask['query'] = {}): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(query)) if (v !== undefined) q.set(k, String(v))
  const text = q.toString()
  return text ? `${path}?${text}` : path
}

async function failure(r: Response): Promise<Failure> {
  const text = await r.text().catch(() => '')
  try {
    const whole = JSON.parse(text) as { error?: { message?: unknown; code?: unknown; param?: unknown } | string; param?: unknown }
    const e = whole.error
    if (typeof e === 'string') return new Failure(r.status, e, '', typeof whole.param === 'string' ? whole.param : '') // of /admin/
    if (e && typeof e.message === 'string') return new Failure(r.status, e.message, typeof e.code === 'string' ? e.code : '', typeof e.param === 'string' ? e.param : '')
  } catch {
    // Not the server's own form: something between answered.
  }
  return new Failure(r.status, text.slice(0, 200).trim() || `${r.status} ${r.statusText}`.trim())
}

/** The word that a write carries. What is written before it is known waits for it. */
async function token(): Promise<string> {
  if (!me.get()) {
    const s = await get<Session>(session).catch(() => undefined)
    if (s?.me && !me.get()) me.set(s.me)
  }
  return me.get()?.csrf ?? ''
}

const aborted = (signal: AbortSignal) => new Promise<never>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason), { once: true }))

async function once(method: Method, path: string, body: unknown, ask: Ask): Promise<Response> {
  const clock = new AbortController()
  const timeout = ask.timeout ?? 30_000
  const timer = timeout ? setTimeout(() => clock.abort(), timeout) : undefined
  const headers = new Headers({ Accept: 'application/json' })
  let content: BodyInit | undefined
  if (body instanceof Blob) content = body
  else if (body !== undefined) {
    content = JSON.stringify(body)
    headers.set('Content-Type', 'application/json')
  }
  if (path === session && method !== 'GET') forgetEarly()
  if (method !== 'GET') headers.set('X-Blitz-Csrf', path === session ? me.get()?.csrf ?? '' : await token())
  try {
    const where = address(path, ask.query)
    const r = (where === session && method === 'GET' && (await Promise.race([early(where), aborted(clock.signal)]))) || await fetch(where, {
      method, headers, body: content ?? null, credentials: 'same-origin', cache: 'no-store',
      signal: ask.signal ? AbortSignal.any([ask.signal, clock.signal]) : clock.signal,
    })
    if (!r.ok) throw await failure(r)
    return r
  } catch (e) {
    if (e instanceof Failure || ask.signal?.aborted) throw e
    throw new Failure(0, clock.signal.aborted ? 'The server does not answer.' : 'The server cannot be reached.')
  } finally {
    clearTimeout(timer)
  }
}

/** Sends a request; a rejected token is fetched anew once, a failure that may pass is tried again as ask.again says. */
export async function request(method: Method, path: string, body: unknown, ask: Ask = {}): Promise<Response> {
  const again = ask.again ?? (method === 'POST' ? 0 : 2)
  let renewed = false
  for (let tried = 0; ; tried++) {
    try {
      const r = await once(method, path, body, ask)
      if (method !== 'GET' || path !== session) refused.set('')
      return r
    } catch (e) {
      if (!(e instanceof Failure)) throw e
      if (e.code === 'csrf' && !renewed) {
        renewed = true
        me.set((await (await once('GET', '/ui/api/me', undefined, {})).json()) as Me)
        continue
      }
      if (e.status === 401 && path !== session) refused.set(e.message)
      if (!e.passing || e.status === 429 || tried >= again) throw e
      await wait(400 * 2 ** tried, ask.signal)
    }
  }
}

async function json<T>(r: Response): Promise<T> {
  if (r.status === 204) return undefined as T
  try {
    return (await r.json()) as T
  } catch {
    throw new Failure(0, 'The answer of the server broke off.')
  }
}

export const get = async <T>(path: string, ask?: Ask) => json<T>(await request('GET', path, undefined, ask))
export const post = async <T>(path: string, body?: unknown, ask?: Ask) => json<T>(await request('POST', path, body, ask))
export const put = async <T>(path: string, body: unknown, ask?: Ask) => json<T>(await request('PUT', path, body, ask))
export const patch = async <T>(path: string, body: unknown, ask?: Ask) => json<T>(await request('PATCH', path, body, ask))
export const del = async <T = void>(path: string, ask?: Ask) => json<T>(await request('DELETE', path, undefined, ask))

/** Sends a file as it is; progress is told the part that is sent, 0 to 1. (fetch cannot tell.) */
export async function upload<T>(path: string, file: Blob, ask: Ask & { progress?: (part: number) => void } = {}): Promise<T> {
  const word = await token()
  ask.signal?.throwIfAborted()
  return new Promise((done, fail) => {
    const x = new XMLHttpRequest()
    x.open('POST', address(path, ask.query))
    x.setRequestHeader('X-Blitz-Csrf', word)
    x.setRequestHeader('Content-Type', 'application/octet-stream')
    x.setRequestHeader('Accept', 'application/json')
    x.upload.onprogress = e => e.lengthComputable && ask.progress?.(e.loaded / e.total)
    x.onerror = () => fail(new Failure(0, 'The server cannot be reached.'))
    x.onabort = () => fail(ask.signal?.reason ?? new DOMException('aborted', 'AbortError'))
    x.onload = () => {
      const r = new Response(x.response as ArrayBuffer, { status: x.status === 204 ? 200 : x.status || 500 })
      if (r.ok) json<T>(r).then(done, fail)
      else void failure(r).then(fail)
    }
    x.responseType = 'arraybuffer'
    ask.signal?.addEventListener('abort', () => x.abort(), { once: true })
    x.send(file)
  })
}

/** Posts and yields the events of the answer, a stream of server-sent events, as they come. */
export async function* stream(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<{ event: string; value: unknown }> {
  const r = await request('POST', path, body, { signal, timeout: 0 })
  if (!r.body) throw new Failure(0, 'The answer of the server is empty.')
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read().catch((e: unknown) => {
      throw signal.aborted ? e : new Failure(0, 'The connection broke off.')
    })
    if (done) return
    rest += value
    const parts = rest.split('\n\n')
    rest = parts.pop() ?? ''
    for (const p of parts) {
      const e = eventOf(p)
      if (e) yield e
    }
  }
}

/** One server-sent event of its lines; undefined for a comment. */
export function eventOf(block: string): { event: string; value: unknown } | undefined {
  let event = 'message'
  const lines: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim()
    else if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
  }
  return lines.length ? { event, value: JSON.parse(lines.join('\n')) as unknown } : undefined
}
