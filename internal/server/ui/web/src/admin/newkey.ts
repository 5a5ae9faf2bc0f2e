import type { Scope } from '../api/types'
import { text } from '../text/admin'
import type { NewKey } from './api'

/** The form of a new key, as it is typed. */
export interface Form {
  name: string
  rpm: string
  tpm: string
  concurrent: string
  monthly_tokens: string
  models: string
  expires: keyof typeof text.expiry
  scopes: Scope[]
}

export const emptyForm: Form = { name: '', rpm: '', tpm: '', concurrent: '', monthly_tokens: '', models: '', expires: 'never', scopes: ['inference'] }

export type Faults = Partial<Record<keyof Form | 'form', string>>

const numbers = ['rpm', 'tpm', 'concurrent', 'monthly_tokens'] as const

/** The key that a form asks for, or what is wrong with it by field. */
export function read(form: Form): { key: NewKey } | { faults: Faults } {
  const faults: Faults = {}
  const key: NewKey = { name: form.name.trim(), scopes: form.scopes }
  if (!key.name) faults.name = text.noName
  if (!form.scopes.length) faults.scopes = text.noScope
  for (const name of numbers) {
    const typed = form[name].trim()
    if (!typed) continue
    if (/^\d{1,15}$/.test(typed) && Number(typed) > 0) key[name] = Number(typed)
    else faults[name] = text.notNumber
  }
  const models = form.models.split(/[,\n]/).map(m => m.trim()).filter(Boolean)
  if (models.length) key.models = models
  if (form.expires !== 'never') key.expires = form.expires
  return Object.keys(faults).length ? { faults } : { key }
}
