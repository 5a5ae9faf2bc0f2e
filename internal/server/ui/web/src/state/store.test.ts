import { expect, test } from 'vitest'
import { Store } from './store'

test('followers hear of changes alone, and may leave while they are told', () => {
  const s = new Store(1)
  const got: string[] = []
  const off = s.subscribe(v => {
    got.push(`a${v}`)
    off()
  })
  s.subscribe(v => got.push(`b${v}`))
  s.set(1)
  s.set(2)
  s.update(v => v + 1)
  expect(got).toEqual(['a2', 'b2', 'b3'])
  expect(s.get()).toBe(3)
})
