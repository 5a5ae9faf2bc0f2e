import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import page from '../../index.html?raw'

const someone = { name: 'a', owner: true, signed_in: true, scopes: [], csrf: 'c', version: '', mcp: false }
const one = { id: 'c1', title: 't', created: '2026-01-01T00:00:00Z', updated: '2026-01-01T00:00:00Z', parameters: {} }
const json = (v: unknown, status = 200) => new Response(JSON.stringify(v), { status })

type Answer = () => Response | Promise<Response>
let asked: string[] // what was asked for, in order
let session: Answer
let chats: Answer

/** Runs the script in the head of the page, and then loads the modules as the page does. */
async function opened() {
  const script = /<script>([^]*?)<\/script>/.exec(page)?.[1]
  if (!script) throw new Error('the page has no script of its own')
  new Function(script)()
  vi.resetModules()
  return { client: await import('./client'), routes: await import('./routes'), list: await import('../state/chats') }
}

beforeEach(() => {
  asked = []
  session = () => json({ me: someone })
  chats = () => json({ chats: [one], more: false })
  vi.stubGlobal('document', { documentElement: { dataset: {} } })
  vi.stubGlobal('location', { pathname: '/' })
  vi.stubGlobal('asked', undefined)
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    asked.push(`${init.method ?? 'GET'} ${path}`)
    if (init.method === 'POST') return json(someone)
    return path === '/ui/api/session' ? session() : chats()
  })
})

afterEach(() => vi.unstubAllGlobals())

test('who is signed in, and the list, are asked for once, before the code', async () => {
  const { routes, list } = await opened()
  expect(await routes.session.me()).toEqual(someone)
  await list.showEarly()
  expect([...list.chats.get().all.keys()]).toEqual(['c1'])
  expect(list.chats.get().state).toBe('loading')
  expect(asked).toEqual(['GET /ui/api/session', 'GET /ui/api/chats?limit=400'])
  await routes.session.me()
  expect(asked.length).toBe(3)
})

test('nothing is asked for as nobody', async () => {
  session = () => json({ refused: 'a key is wanted' })
  const { routes, list } = await opened()
  expect(await routes.session.me()).toBeUndefined()
  await list.showEarly()
  expect(list.chats.get().all.size).toBe(0)
  expect(asked).toEqual(['GET /ui/api/session'])
})

test.each<[string, Answer]>([
  ['no server', () => Promise.reject(new TypeError('network'))],
  ['a server that is full', () => json({}, 503)],
  ['something between', () => new Response('<h1>wait</h1>', { status: 502 })],
])('%s: it is asked again', async (_, failing) => {
  session = failing
  const { routes, list } = await opened()
  session = () => json({ me: someone })
  expect(await routes.session.me()).toEqual(someone)
  await list.showEarly()
  expect(list.chats.get().all.size).toBe(0)
})

test('a session that ends before the list shows nothing of it', async () => {
  chats = () => json({ error: { message: 'signed out' } }, 401)
  const { routes, list } = await opened()
  await routes.session.me()
  await list.showEarly()
  expect([list.chats.get().all.size, list.chats.get().state]).toEqual([0, 'loading'])
})

test('who signs in sees nothing of what was asked for as another', async () => {
  let answer: (r: Response) => void = () => undefined
  session = () => new Promise(done => (answer = done))
  const { client, routes, list } = await opened()
  const first = client.get('/ui/api/session', { timeout: 1, again: 0 }).catch((e: unknown) => e)
  expect(await first).toBeInstanceOf(client.Failure)
  await routes.session.signIn('key')
  answer(json({ me: { ...someone, name: 'b' } }))
  await list.showEarly()
  expect(list.chats.get().all.size).toBe(0)
})
