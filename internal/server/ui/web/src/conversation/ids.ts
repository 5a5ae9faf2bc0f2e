const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'

/** A new id of a chat or a message: 132 random bits in 22 letters. (crypto.randomUUID is there over TLS alone.) */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), b => letters[b & 63]).join('')
}
