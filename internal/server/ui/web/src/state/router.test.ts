import { expect, test } from 'vitest'
import { pathOf, routeOf } from './router'

test.each([
  ['/', { view: 'chat', chat: '' }],
  ['/chat/abcdefgh', { view: 'chat', chat: 'abcdefgh' }],
  ['/chat/abcdefgh/', { view: 'chat', chat: 'abcdefgh' }],
  ['/chat/short', { view: 'chat', chat: '' }],
  ['/chat/abcdefgh/more', { view: 'chat', chat: '' }],
  ['/chat/abc%2F..%2Fefgh', { view: 'chat', chat: '' }],
  ['/view/models', { view: 'models' }],
  ['/view/admin', { view: 'admin' }],
  ['/view/other', { view: 'chat', chat: '' }],
])('%s', (path, want) => {
  expect(routeOf(path)).toEqual(want)
})

test('a path and its route are one', () => {
  for (const path of ['/', '/chat/abcdefgh', '/view/models', '/view/admin']) expect(pathOf(routeOf(path))).toBe(path)
})
