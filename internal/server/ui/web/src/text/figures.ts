// Figures as a person reads them.

/** Bytes with three digits, in units of a thousand: 0 B, 4.7 kB, 12.3 MB, 1.2 GB. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let v = Math.max(0, n)
  while (v >= 999.5 && unit < units.length - 1) {
    v /= 1000
    unit++
  }
  return `${unit === 0 || v >= 99.95 ? Math.round(v) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2)} ${units[unit]}`
}

/** Positions of a context: 512, 32k, 1.5k. */
export function positions(n: number): string {
  if (n < 1024) return String(n)
  const k = n / 1024
  return `${Number.isInteger(k) || k >= 100 ? Math.floor(k).toLocaleString('en') : (Math.floor(k * 10) / 10).toLocaleString('en')}k`
}

/** Seconds as a person says them: 12 s, 3 min, 2 h 5 min, 4 days. */
export function lasting(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return s < 600 && s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.round(s / 60)} min`
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} days`
}

/** Milliseconds that something took, as a person reads them: less than 1 s, 4.2 s, 1 min 5 s. */
export function took(ms: number): string {
  if (ms < 1000) return 'less than 1 s'
  const s = Math.round(ms / 100) / 10
  if (s < 60) return `${s.toFixed(1)} s`
  const whole = Math.round(s)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** A day and time in the browser's zone: 2026-11-30 14:05; empty where there is none. */
export function moment(time: string | undefined): string {
  if (!time) return ''
  const d = new Date(time)
  if (Number.isNaN(d.getTime())) return time
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`
}
