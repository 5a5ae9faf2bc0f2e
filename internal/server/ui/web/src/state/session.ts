import { me, refused } from '../api/client'
import type { Scope } from '../api/types'
import { useStore } from './store'

export { me, refused }

/** Whether the caller may do what scope names. */
export const may = (scope: Scope) => me.get()?.scopes.includes(scope) ?? false
export const useMay = (scope: Scope) => useStore(me, m => m?.scopes.includes(scope) ?? false)

