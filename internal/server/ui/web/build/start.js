// What stands in the page behind its first frame: the same markup that the code draws at
// first, and what begins the code.

/** Runs in the page as it is written here, between the first frame and the code. */
export function starter() {
  const acts = ['keydown', 'beforeinput', 'input', 'compositionstart', 'paste', 'pointerdown', 'mousedown', 'click', 'change', 'submit', 'dragenter', 'dragover', 'drop']
  const held = []
  let code

  // The code runs in one go and draws over the same elements: what is done after this is the page's.
  const begin = () => {
    if (code) return
    code = document.getElementById('code')
    for (const act of acts) removeEventListener(act, see, true)
    const script = document.createElement('script')
    script.text = code.text
    code.replaceWith(script)
    for (const again of held) again()
  }

  // While the code is still being sent, what would be lost or go astray is done again behind its start.
  const hold = e => {
    const carried = e.dataTransfer ?? e.clipboardData
    if (carried?.types.includes('Files') && !(e.type === 'paste' && carried.types.includes('text/plain'))) {
      e.preventDefault()
      if (e.type !== 'drop' && e.type !== 'paste') return
      const copy = new DataTransfer()
      for (const file of carried.files) copy.items.add(file)
      const at = e.target
      held.push(() => at.dispatchEvent(e.type === 'drop' ? new DragEvent('drop', { dataTransfer: copy, bubbles: true, cancelable: true }) : new ClipboardEvent('paste', { clipboardData: copy, bubbles: true, cancelable: true })))
    } else if (e.type === 'keydown' && e.key === 'Enter' && e.target.form && !e.shiftKey && !e.isComposing && e.keyCode !== 229) {
      e.preventDefault()
      const form = e.target.form
      held.push(() => form.requestSubmit())
    } else if (e.type === 'click') {
      const button = e.target.closest?.('button')
      if (!button) return
      e.preventDefault()
      held.push(() => button.click())
    }
  }

  const see = e => {
    if (document.readyState === 'loading') hold(e)
    else begin()
  }
  const soon = () => {
    if (document.hidden) return begin() // no frame is drawn of a tab behind others
    new PerformanceObserver(begin).observe({ type: 'paint', buffered: true })
    setTimeout(begin, 1000) // nor of one that is put behind them
  }

  try {
    if (localStorage.getItem('side-hidden') !== null) {
      document.querySelector('.frame').classList.add('side-away')
      document.querySelector('.show-chats').classList.remove('narrow-only')
    }
  } catch {
    // storage is forbidden
  }
  document.querySelector('.composer textarea').focus()
  for (const act of acts) addEventListener(act, see, true)
  document.addEventListener('DOMContentLoaded', soon)
}
