import { useLayoutEffect, useRef } from 'preact/hooks'
import { Renderer } from '../markdown/renderer'

/** A model's text, drawn by the renderer: finished blocks stay the same elements while the rest comes. */
export function Markdown({ source, running }: { source: string; running: boolean }) {
  const root = useRef<HTMLDivElement>(null)
  const pace = useRef<Pace>(undefined)
  useLayoutEffect(() => {
    if (!root.current) return
    pace.current ??= new Pace(new Renderer(root.current))
    pace.current.set(source, running)
  }, [source, running])
  useLayoutEffect(() => () => pace.current?.end(), [])
  return <div ref={root} class="markdown" />
}

const longest = 1_000 // ms that text may wait to be drawn

/** Draws as often as leaves the page three quarters of its time: a long text takes its browser longer to lay out at each growth. */
class Pace {
  #renderer: Renderer
  #latest = ''
  #next = 0 // time from which it may be drawn again, in ms
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(renderer: Renderer) {
    this.#renderer = renderer
  }

  set(source: string, running: boolean): void {
    this.#latest = source
    const wait = this.#next - performance.now()
    if (!running || wait <= 0) this.#draw(running)
    else this.#timer ??= setTimeout(() => this.#draw(true), wait)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #draw(running: boolean): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const began = performance.now()
    this.#renderer.set(this.#latest, running)
    const drawn = performance.now() - began
    this.#next = began + Math.min(longest, 4 * drawn)
    if (!running) return
    // What the browser needs to lay it out and to paint it lies between the next frame and what comes after it.
    requestAnimationFrame(() => {
      const frame = performance.now()
      setTimeout(() => {
        const cost = drawn + performance.now() - frame
        if (cost > 4) this.#next = Math.max(this.#next, began + Math.min(longest, 4 * cost))
      })
    })
  }
}
