const NEAR = 48 // pixels from the end that count as being there

/** Keeps the end of the messages in sight while they grow, unless the person scrolled up. */
export class Follower {
  /** Whether the end of what is drawn is the end of the chat. */
  tail = true
  private following = true
  private top = 0
  private height = 0
  private readonly sizes: ResizeObserver
  private held: { element: Element; top: number } | undefined

  constructor(private readonly scroll: HTMLElement, private readonly inner: HTMLElement, private readonly away: (away: boolean) => void) {
    this.sizes = new ResizeObserver(() => this.grown())
    this.sizes.observe(inner)
    this.sizes.observe(scroll)
    scroll.addEventListener('scroll', this.scrolled, { passive: true })
    scroll.addEventListener('wheel', this.turned, { passive: true })
    this.toEnd()
  }

  end(): void {
    this.sizes.disconnect()
    this.scroll.removeEventListener('scroll', this.scrolled)
    this.scroll.removeEventListener('wheel', this.turned)
  }

  toEnd(): void {
    this.following = true
    this.scroll.scrollTop = this.scroll.scrollHeight
    this.top = this.scroll.scrollTop
    this.away(false)
  }

  /** What stands in sight stays there while messages are put above it, until release. */
  hold(): void {
    const box = this.scroll.getBoundingClientRect()
    const element = [...this.inner.children].find(e => e.getBoundingClientRect().bottom > box.top && e.tagName !== 'BUTTON')
    if (!element) return
    this.scroll.style.overflowAnchor = 'none'
    this.held = { element, top: element.getBoundingClientRect().top }
  }

  release(): void {
    const held = this.held
    this.held = undefined
    if (!held?.element.isConnected) return
    this.scroll.scrollTop += held.element.getBoundingClientRect().top - held.top
    this.top = this.scroll.scrollTop
    requestAnimationFrame(() => { if (!this.held) this.scroll.style.overflowAnchor = '' })
  }

  private readonly turned = (e: WheelEvent): void => {
    if (e.deltaY < 0 && this.scroll.scrollTop > 0) this.stay()
  }

  private readonly scrolled = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.scroll
    const left = scrollHeight - scrollTop - clientHeight
    // upwards, and not because the text got shorter: a person did it
    if (scrollTop < this.top - 1 && scrollHeight >= this.height) this.stay()
    if (this.tail && left <= NEAR && scrollTop >= this.top) {
      this.following = true
      this.away(false)
    } else if (!this.following) this.away(left > NEAR)
    this.top = scrollTop
    this.height = scrollHeight
  }

  /** Follows the end no more. */
  stay(): void {
    this.following = false
  }

  private grown(): void {
    this.height = this.scroll.scrollHeight
    if (!this.following || !this.tail) return
    this.scroll.scrollTop = this.scroll.scrollHeight
    this.top = this.scroll.scrollTop
  }
}
