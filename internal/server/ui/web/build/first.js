// The first frame: what the page's own code draws before it knows anything of the server.
import { JSDOM } from 'jsdom'

/** Returns the markup that code puts into the element app of html. */
export function firstFrame(html, code) {
  const never = () => new Promise(() => undefined)
  const nothing = class { observe() {} unobserve() {} disconnect() {} close() {} addEventListener() {} }
  const { window } = new JSDOM(html.replace(/<script\b[^>]*>.*?<\/script>/gs, ''), {
    url: 'http://localhost/',
    runScripts: 'outside-only',
    beforeParse(w) {
      Object.assign(w, {
        fetch: never, EventSource: nothing, ResizeObserver: nothing, IntersectionObserver: nothing,
        CSS: { supports: () => true, escape: s => s },
        matchMedia: media => ({ matches: false, media, addEventListener() {}, removeEventListener() {} }),
        requestAnimationFrame: () => 0, cancelAnimationFrame() {},
      })
      w.Element.prototype.checkVisibility = () => true
    },
  })
  window.eval(code)
  const drawn = window.document.getElementById('app').innerHTML
  window.close()
  if (!drawn.includes('<textarea')) throw new Error('the first frame has no box for a message')
  return drawn
}
