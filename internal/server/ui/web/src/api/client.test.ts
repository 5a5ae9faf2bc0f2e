import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { address, eventOf, Failure, get, me, patch, post, refused } from './client'

const answers: (Response | Error)[] = []
const asked: { path: string; method: string; token: string | null; body: unknown }[] = []

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    asked.push({ path, method: init.method ?? '', token: new Headers(init.headers).get('X-Blitz-Csrf'), body: init.body })
    const a = answers.shift()
    return a instanceof Response ? Promise.resolve(a) : Promise.reject(a ?? new Error('no answer is left'))
  })
  me.set({ name: '', owner: true, signed_in: false, scopes: [], csrf: 'old', version: '', mcp: false })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  answers.length = asked.length = 0
  refused.set('')
})

const json = (v: unknown, status = 200) => new Response(JSON.stringify(v), { status })
const gone = () => new TypeError('network')

async function failed(p: Promise<unknown>): Promise<Failure> {
  const e = await p.then(() => undefined, (x: unknown) => x)
  if (!(e instanceof Failure)) throw new Error(`got ${String(e)}, want a Failure`)
  return e
}

test('only writes carry the token', async () => {
  answers.push(json(1), json(2))
  expect(await get('/a')).toBe(1)
  expect(await post('/b', { x: 1 })).toBe(2)
  expect(asked.map(a => a.token)).toEqual([null, 'old'])
  expect(asked[1]?.body).toBe('{"x":1}')
})

test('a write before it is known who writes asks for the token first', async () => {
  me.set(null)
  answers.push(json({ me: { name: '', owner: true, signed_in: false, scopes: [], csrf: 'new', version: '', mcp: false } }), json(2))
  expect(await post('/b', {})).toBe(2)
  expect(asked.map(a => [a.path, a.token])).toEqual([['/ui/api/session', null], ['/b', 'new']])
})

test('a failure has the words, the code and the field of the server', async () => {
  answers.push(json({ error: { message: 'too hot', code: 'range', param: 'temperature' } }, 400))
  const e = await failed(post('/a'))
  expect([e.status, e.message, e.code, e.param, e.passing]).toEqual([400, 'too hot', 'range', 'temperature', false])
})

test('a failure of something between has some words', async () => {
  answers.push(new Response('<h1>Bad gateway</h1>', { status: 400 }), new Response('', { status: 418, statusText: 'teapot' }))
  expect((await failed(post('/a'))).message).toBe('<h1>Bad gateway</h1>')
  expect((await failed(post('/a'))).message).toBe('418 teapot')
})

test.each([
  ['get', () => get('/a'), 3],
  ['patch', () => patch('/a', {}), 3],
  ['post', () => post('/a'), 1],
  ['post that does nothing twice', () => post('/a', {}, { again: 2 }), 3],
])('%s: a broken line is tried again as it may be', async (_, send, times) => {
  answers.push(gone(), gone(), gone(), gone())
  const e = failed(send())
  await vi.runAllTimersAsync()
  expect((await e).status).toBe(0)
  expect(asked.length).toBe(times)
})

test('it is answered after a failure that passes', async () => {
  answers.push(gone(), json({}, 503), json('there'))
  const got = get('/a')
  await vi.runAllTimersAsync()
  expect(await got).toBe('there')
})

test('what will not pass, and a limit, are not tried again', async () => {
  answers.push(json({}, 500), json({}, 429))
  expect((await failed(get('/a'))).status).toBe(500)
  expect((await failed(get('/a'))).status).toBe(429)
  expect(asked.length).toBe(2)
})

test('a rejected token is fetched anew, once', async () => {
  const no = () => json({ error: { message: 'token', code: 'csrf' } }, 403)
  answers.push(no(), json({ ...me.get(), csrf: 'new' }), json('done'), no(), json({ ...me.get(), csrf: 'newer' }), no())
  expect(await post('/a')).toBe('done')
  expect(asked.map(a => a.token)).toEqual(['old', null, 'new'])
  expect((await failed(post('/a'))).code).toBe('csrf')
})

test('a key that is not accepted is known, until a request is let in', async () => {
  answers.push(json({ error: { message: 'revoked' } }, 401), json(1))
  await failed(get('/a'))
  expect(refused.get()).toBe('revoked')
  await get('/a')
  expect(refused.get()).toBe('')
})

test('no answer in time is a failure in words', async () => {
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => new Promise((_done, fail) => init.signal?.addEventListener('abort', () => fail(new DOMException('', 'AbortError')))))
  const e = failed(post('/a', {}, { timeout: 5_000 }))
  await vi.advanceTimersByTimeAsync(5_001)
  expect((await e).message).toContain('does not answer')
})

test('who aborts gets no Failure', async () => {
  const stop = new AbortController()
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => new Promise((_done, fail) => init.signal?.addEventListener('abort', () => fail(new DOMException('', 'AbortError')))))
  const got = get('/a', { signal: stop.signal }).catch((e: unknown) => (e as Error).name)
  stop.abort()
  expect(await got).toBe('AbortError')
})

test('addresses', () => {
  expect(address('/a')).toBe('/a')
  expect(address('/a', { q: 'x y&z', n: 0, none: undefined })).toBe('/a?q=x+y%26z&n=0')
})

test('events of a stream', () => {
  expect(eventOf('event: delta\ndata: {"a":1}')).toEqual({ event: 'delta', value: { a: 1 } })
  expect(eventOf('data: [1,\ndata: 2]')).toEqual({ event: 'message', value: [1, 2] })
  expect(eventOf(': still there')).toBeUndefined()
})
