import { expect, test } from 'vitest'
import { chordOf, escape, onEscape } from './keys'

const press = (key: string, mods = '') => ({ key, code: '', ctrlKey: mods.includes('c'), metaKey: mods.includes('m'), shiftKey: mods.includes('s'), altKey: mods.includes('a') })

test.each([
  ['k', 'c', 'search'],
  ['k', 'm', 'search'],
  ['K', 'c', 'search'],
  ['O', 'cs', 'new-chat'],
  ['/', 'c', 'shortcuts'],
  ['?', 'cs', 'shortcuts'],
  [',', 'c', 'settings'],
  ['k', '', undefined],
  ['k', 'ca', undefined],
  ['k', 'cs', undefined],
])('%s with %s', (key, mods, want) => {
  expect(chordOf(press(key, mods))).toBe(want)
})

test('Escape leaves the highest, of equals the latest; what does not want it passes it on', () => {
  const got: string[] = []
  const layer = (of: Parameters<typeof onEscape>[0], name: string) => {
    const off = onEscape(of, () => {
      got.push(name)
      off()
    })
  }
  layer('menu', 'menu')
  layer('stop', 'stop')
  layer('panel', 'panel')
  layer('panel', 'latest panel')
  const off = onEscape('dialog', () => (got.push('-'), false))
  while (escape()) expect(got.length).toBeLessThan(20)
  off()
  expect(got).toEqual(['-', 'menu', '-', 'latest panel', '-', 'panel', '-', 'stop', '-'])
})
