import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { text } from '../text/admin'
import type { Days } from './days'

/** A colour of the style sheets as a canvas takes it: what stands for the theme in use. */
function colour(e: HTMLElement, name: string): string {
  e.style.color = `var(${name})`
  const found = getComputedStyle(e).color
  e.style.color = ''
  return found
}

/** Stacked bars of each day. label says the same in words. */
export function Chart({ days, label }: { days: Days; label: string }) {
  const box = useRef<HTMLDivElement>(null)
  const [look, setLook] = useState(0)
  useEffect(() => {
    const redraw = (): void => setLook(n => n + 1)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', redraw)
    const theme = new MutationObserver(redraw)
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    return () => {
      dark.removeEventListener('change', redraw)
      theme.disconnect()
    }
  }, [])
  useLayoutEffect(() => {
    const e = box.current
    if (!e || !days.series.length) return
    const plot = new uPlot(options(days, e), stacked(days), e)
    const size = new ResizeObserver(() => plot.setSize({ width: e.clientWidth, height: 220 }))
    size.observe(e)
    return () => {
      size.disconnect()
      plot.destroy()
    }
  }, [days, look])
  if (!days.series.length) return <p class="hint">{text.noUsage}</p>
  return (
    <>
      <div ref={box} class="chart" role="img" aria-label={label} />
      <ul class="legend">
        {days.series.map((s, i) => <li key={s.name}><span class={`swatch swatch-${(i % 8) + 1}`} /><span dir="auto">{s.name}</span> <span class="hint">{text.number(s.total)}</span></li>)}
      </ul>
    </>
  )
}

/** Each series with those below it, the highest first, so that the lower bars are drawn over it. */
function stacked(days: Days): uPlot.AlignedData {
  const sums = days.at.map(() => 0)
  const rows = days.series.map(s => s.values.map((v, i) => (sums[i] = (sums[i] ?? 0) + v)))
  return [days.at, ...rows.reverse()]
}

/** The options of a chart in an element. Series have --chart-1 … --chart-8 of views.css. */
function options(days: Days, e: HTMLElement): uPlot.Options {
  const muted = colour(e, '--muted')
  const line = colour(e, '--line')
  const bars = uPlot.paths.bars?.({ size: [0.8, 48] })
  const font = '12px system-ui, sans-serif'
  const n = days.series.length
  return {
    width: e.clientWidth,
    height: 220,
    legend: { show: false },
    cursor: { show: false },
    tzDate: s => uPlot.tzDate(new Date(s * 1000), 'UTC'),
    scales: { x: { time: true, range: (_, min, max) => [min - 43_200, max + 43_200] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
    axes: [
      { stroke: muted, font, grid: { show: false }, ticks: { stroke: line }, values: (_, at) => at.map(s => new Date(s * 1000).toLocaleDateString('en', { day: 'numeric', month: 'short', timeZone: 'UTC' })), incrs: [1, 2, 7, 14, 28].map(d => d * 86_400), space: 56 },
      { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 56, values: (_, at) => at.map(v => v.toLocaleString('en', { notation: 'compact' })) },
    ],
    series: [{}, ...Array.from({ length: n }, (_, i) => ({ fill: colour(e, `--chart-${((n - 1 - i) % 8) + 1}`), width: 0, points: { show: false }, ...(bars && { paths: bars }) }))],
  }
}
