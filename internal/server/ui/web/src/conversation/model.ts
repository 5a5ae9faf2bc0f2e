import { models } from '../state/models'
import type { Thread } from './thread'

const key = 'model'

/** The model that answers next in a chat. */
export const modelOfThread = (t: Thread): string => t.parameters.get().model ?? models.get()?.default ?? ''

/** Keeps the model that was chosen last in this browser: new chats begin with it. */
export function keepModel(name: string): void {
  try {
    if (name) localStorage.setItem(key, name)
    else localStorage.removeItem(key)
  } catch {
    // Storage is forbidden: new chats begin with the server's own.
  }
}

/** The model that was chosen last, if it is among the models; undefined otherwise. */
export function lastModel(names: readonly string[]): string | undefined {
  try {
    const name = localStorage.getItem(key)
    return name !== null && names.includes(name) ? name : undefined
  } catch {
    return undefined
  }
}
