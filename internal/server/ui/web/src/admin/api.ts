// The routes of /admin/ that the view asks.
import { address, del, get, post } from '../api/client'
import type { Scope } from '../api/types'

/** 0 or absent: no limit. */
export interface Limits { rpm?: number; tpm?: number; concurrent?: number; monthly_tokens?: number; models?: string[] }
export interface Key { id: string; name: string; hint: string; scopes: Scope[]; limits: Limits; created_at: string; expires_at?: string; revoked_at?: string; state: string }
export interface NewKey extends Limits { name: string; scopes: Scope[]; expires?: string }
/** What was used, of one group; the fields of the group that was not asked for are absent. */
export interface Used { key?: string; key_id?: string; model?: string; day?: string; requests: number; failed: number; prompt_tokens: number; cached_tokens: number; answer_tokens: number; reasoning_tokens: number; seconds: number }
export interface Entry { id: number; at: string; actor: string; action: string; subject: string; detail: unknown }

export const admin = {
  keys: async () => (await get<{ keys: Key[] }>('/admin/keys')).keys,
  create: (key: NewKey) => post<Key & { key: string }>('/admin/keys', key),
  revoke: (name: string) => del<Key>(`/admin/keys/${encodeURIComponent(name)}`),
  usage: async (by: string, since?: string) => (await get<{ usage: Used[] }>('/admin/usage', { query: { by, since } })).usage,
  usageFile: (by: string) => address('/admin/usage', { by, format: 'csv' }),
  audit: async (before?: number) => (await get<{ entries: Entry[] }>('/admin/audit', { query: { limit: 50, before } })).entries,
}
