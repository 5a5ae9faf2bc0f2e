import { expect, test } from 'vitest'
import { emptyForm, read } from './newkey'

test('a key of what was typed', () => {
  expect(read({ ...emptyForm, name: ' ann ', rpm: '5', models: 'a:*, b\n,c', expires: '90d', scopes: ['inference', 'admin'] })).toEqual({ key: { name: 'ann', rpm: 5, models: ['a:*', 'b', 'c'], expires: '90d', scopes: ['inference', 'admin'] } })
  expect(read({ ...emptyForm, name: 'x' })).toEqual({ key: { name: 'x', scopes: ['inference'] } })
})
test('what cannot be is told by its field', () => {
  for (const typed of ['-5', '0', '1.5', 'x', '1e3', '9'.repeat(16)]) expect(read({ ...emptyForm, name: 'x', rpm: typed }), typed).toMatchObject({ faults: { rpm: expect.any(String) as string } })
  expect(read({ ...emptyForm, scopes: [] })).toMatchObject({ faults: { name: expect.any(String) as string, scopes: expect.any(String) as string } })
})
