/** Runs fn before the next picture; in a tab that nobody sees, ten times a second. */
export function nextFrame(fn: () => void): void {
  if (typeof document === 'undefined' || document.visibilityState !== 'visible') setTimeout(fn, 100)
  else requestAnimationFrame(fn)
}
