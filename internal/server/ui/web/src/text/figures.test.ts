import { expect, test } from 'vitest'
import { bytes, lasting, moment, positions, took } from './figures'

test('bytes', () => expect([0, 1, 999, 1000, 1234, 12_345, 123_456, 999_499, 999_600, 4_683_000_000, 5e12].map(bytes)).toEqual(['0 B', '1 B', '999 B', '1.00 kB', '1.23 kB', '12.3 kB', '123 kB', '999 kB', '1.00 MB', '4.68 GB', '5.00 TB']))
test('positions', () => expect([0, 512, 1024, 1536, 4096, 40_960, 131_072, 100_000, 1_048_576].map(positions)).toEqual(['0', '512', '1k', '1.5k', '4k', '40k', '128k', '97.6k', '1,024k']))
test('lasting', () => expect([-1, 0, 59, 60, 61, 599, 3599, 3600, 90_000, 200_000].map(lasting)).toEqual(['0 s', '0 s', '59 s', '1 min', '1 min 1 s', '9 min 59 s', '60 min', '1 h 0 min', '25 h 0 min', '2 days']))
test('took', () => expect([0, 0.4, 999, 1000, 4_249, 59_949, 59_950, 65_400, 119_600].map(took)).toEqual(['less than 1 s', 'less than 1 s', 'less than 1 s', '1.0 s', '4.2 s', '59.9 s', '1 min 0 s', '1 min 5 s', '2 min 0 s']))
test('moment', () => {
  expect(moment(undefined)).toBe('')
  expect(moment('no time')).toBe('no time')
  expect(moment('2026-11-30T09:05:00Z')).toMatch(/^2026-(11-30|12-01|11-29) \d\d:\d\d$/)
})
