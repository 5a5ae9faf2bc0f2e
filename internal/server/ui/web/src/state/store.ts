import { useLayoutEffect, useState } from 'preact/hooks'

/** A value that can be followed. */
export class Store<T> {
  #value: T
  #followers = new Set<(value: T) => void>()

  constructor(value: T) {
    this.#value = value
  }

  get(): T {
    return this.#value
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const f of [...this.#followers]) f(value)
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value))
  }

  /** Calls fn with each new value; returns what ends that. */
  subscribe(fn: (value: T) => void): () => void {
    this.#followers.add(fn)
    return () => void this.#followers.delete(fn)
  }
}

/** The store's value, or the part of it that select picks; the component is drawn anew when that changes. */
export function useStore<T>(store: Store<T>): T
export function useStore<T, S>(store: Store<T>, select: (value: T) => S): S
export function useStore<T, S>(store: Store<T>, select?: (value: T) => S): T | S {
  const pick = select ?? ((v: T): T | S => v)
  const value = pick(store.get())
  const [, redraw] = useState(0)
  useLayoutEffect(() => {
    let last = value
    const look = () => {
      const next = pick(store.get())
      if (Object.is(next, last)) return
      last = next
      redraw(n => n + 1)
    }
    look() // what changed between the drawing and this
    return store.subscribe(look)
  })
  return value
}
