// One function for each route of /ui/api/.
import { del, get, me, patch, post, put, refused, stream, upload, type Ask } from './client'
import type {
  Chat, ChatChange, FileRead, Found, Frees, Imported, Me, Model, ModelDetails, Models, Offer, Parameters, Preset, PrivateTurn, Pull, ReceiptCheck, ServerStatus, Session, Setting, ToolAnswer, ToolServer, Tree, Turn,
} from './types'

const id = encodeURIComponent
const chat = (c: string) => `/ui/api/chats/${id(c)}`

export const session = {
  /** Who is signed in; undefined where the server wants a key, and `refused` says why. */
  me: async (ask?: Ask) => { const s = await get<Session>('/ui/api/session', ask); if (s.me) me.set(s.me); refused.set(s.refused ?? ''); return s.me },
  signIn: async (key: string) => { const m = await post<Me>('/ui/api/session', { key }); me.set(m); return m },
  signOut: () => del('/ui/api/session'),
}

export const chats = {
  list: (query: { limit?: number; before?: string } = {}, ask: Ask = {}) => get<{ chats: Chat[]; more: boolean }>('/ui/api/chats', { ...ask, query }),
  /** undefined: there is no such chat, of which the browser has nothing to say. */
  open: (c: string, ask: Ask = {}) => get<Tree | undefined>(chat(c), { ...ask, query: { absent: 204 } }),
  /** Its ids make it safe to send again. */
  turn: (c: string, turn: Turn, ask: Ask = {}) => post<Tree>(`${chat(c)}/turn`, turn, { again: 2, ...ask }),
  stop: (c: string, message?: string) => post<void>(`${chat(c)}/stop`, message === undefined ? {} : { message }, { again: 2 }),
  change: (c: string, change: ChatChange) => patch<Chat>(chat(c), change),
  fork: (c: string, fork: { id: string; leaf: string }) => post<Tree>(`${chat(c)}/fork`, fork, { again: 2 }),
  cut: (c: string, cut: { leaf: string; summarise: boolean }) => post<{ chat: Chat; dropped: number }>(`${chat(c)}/cut`, cut, { timeout: 0 }),
  remove: (c: string) => del(chat(c)),
  restore: (c: string) => post<Chat>(`${chat(c)}/restore`, {}, { again: 2 }),
  removeMessage: (c: string, m: string) => del<{ chat: Chat; removed: string[] }>(`${chat(c)}/messages/${id(m)}`),
  restoreMessage: (c: string, m: string) => post<Tree>(`${chat(c)}/messages/${id(m)}/restore`, {}, { again: 2 }),
  search: (q: string, limit: number, ask: Ask = {}) => get<{ results: Found[] }>('/ui/api/search', { ...ask, query: { q, limit } }),
  private: (turn: PrivateTurn, signal: AbortSignal) => stream('/ui/api/private', turn, signal),
}

export const presets = {
  list: () => get<{ presets: Preset[] }>('/ui/api/presets'),
  keep: (name: string, parameters: Parameters) => put<Preset>('/ui/api/presets', { name, parameters }),
  remove: (name: string) => del('/ui/api/presets', { query: { name } }),
}

export const files = {
  /** Where the browser finds the export; one chat's, or all. */
  exportAddress: (format: 'json' | 'markdown', one?: string) => `/ui/api/export?format=${format}${one === undefined ? '' : `&chat=${id(one)}`}`,
  take: (file: Blob, progress: (part: number) => void, signal?: AbortSignal) => upload<Imported>('/ui/api/import', file, { progress, ...(signal && { signal }) }),
  text: (file: Blob, name: string, model: string, signal?: AbortSignal) => upload<FileRead>('/ui/api/files', file, { query: { name, model }, ...(signal && { signal }) }),
}

export const receipts = {
  /** Where the browser finds the file. */
  address: (r: string) => `/ui/api/receipts/${id(r)}`,
  check: (r: string) => post<ReceiptCheck>(`/ui/api/receipts/${id(r)}/check`, {}, { timeout: 0 }),
}

export const models = {
  list: (ask?: Ask) => get<Models>('/ui/api/models', ask),
  details: (name: string) => get<ModelDetails>('/ui/api/models/details', { query: { name } }),
  load: (name: string) => post<Model>('/ui/api/models/load', { name }, { timeout: 0 }),
  unload: (name: string) => post<Model>('/ui/api/models/unload', { name }, { timeout: 0 }),
  frees: (name: string) => get<Frees>('/ui/api/models/frees', { query: { name } }),
  remove: (name: string) => del('/ui/api/models', { query: { name } }),
  offers: () => get<{ offers: Offer[] }>('/ui/api/offers'),
}

export const pulls = {
  list: () => get<{ pulls: Pull[] }>('/ui/api/pulls'),
  begin: (name: string) => post<Pull>('/ui/api/pulls', { name }),
  pause: (p: string) => post<Pull>(`/ui/api/pulls/${id(p)}/pause`, {}),
  resume: (p: string) => post<Pull>(`/ui/api/pulls/${id(p)}/resume`, {}),
  remove: (p: string) => del(`/ui/api/pulls/${id(p)}`),
}

export const server = {
  status: () => get<ServerStatus>('/ui/api/status'),
  settings: () => get<{ settings: Setting[] }>('/ui/api/settings'),
}

export const tools = {
  servers: () => get<{ servers: ToolServer[] }>('/ui/api/mcp'),
  call: (server: string, tool: string, args: object, ask: Ask = {}) => post<ToolAnswer>('/ui/api/mcp/call', { server, tool, arguments: args }, { timeout: 0, ...ask }),
  allowed: () => get<{ allowed: string[] }>('/ui/api/mcp/allowed'),
  allow: (allowed: string[]) => put<{ allowed: string[] }>('/ui/api/mcp/allowed', { allowed }),
}
