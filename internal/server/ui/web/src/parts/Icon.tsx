// Small drawings of 20 by 20, stroked in the colour of the text. They say nothing to a screen reader: the control around them has the name.

const paths = {
  plus: 'M10 4v12M4 10h12',
  search: 'M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM13 13l4 4',
  side: 'M3.5 4.5h13v11h-13zM8 4.5v11',
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h13',
  close: 'M5 5l10 10M15 5 5 15',
  settings: 'M8.32 4.55L8.56 2.54L11.44 2.54L11.68 4.55L12.66 4.96L14.26 3.71L16.29 5.74L15.04 7.34L15.45 8.32L17.46 8.56L17.46 11.44L15.45 11.68L15.04 12.66L16.29 14.26L14.26 16.29L12.66 15.04L11.68 15.45L11.44 17.46L8.56 17.46L8.32 15.45L7.34 15.04L5.74 16.29L3.71 14.26L4.96 12.66L4.55 11.68L2.54 11.44L2.54 8.56L4.55 8.32L4.96 7.34L3.71 5.74L5.74 3.71L7.34 4.96zM10 7.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5z',
  sliders: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  more: 'M5 10h.01M10 10h.01M15 10h.01',
  pin: 'M12.5 3 17 7.5l-3.5 1.2-2.6 2.6-.7 3.2-5-5 3.2-.7 2.6-2.6zM7.6 12.4 3.5 16.5',
  folder: 'M2.5 5.5a1 1 0 0 1 1-1h4l1.5 2h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-12.5a1 1 0 0 1-1-1z',
  chevron: 'M7.5 5l5 5-5 5',
  down: 'M5 7.5l5 5 5-5',
  left: 'M12.5 5l-5 5 5 5',
  right: 'M7.5 5l5 5-5 5',
  edit: 'M4 16l.8-3.5L13 4.3l2.7 2.7L7.5 15.2zM11.5 5.8l2.7 2.7',
  copy: 'M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3',
  seal: 'M10 2.5l1.8 1.3 2.2-.1.6 2.1 1.8 1.3-.8 2 .8 2-1.8 1.3-.6 2.1-2.2-.1L10 15.7l-1.8-1.3-2.2.1-.6-2.1-1.8-1.3.8-2-.8-2 1.8-1.3.6-2.1 2.2.1zM7.5 9l1.8 1.8 3.2-3.4M7.5 14.5l-.8 3 3.3-1.5 3.3 1.5-.8-3',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  refresh: 'M15.5 8a6 6 0 1 0 .3 3.5M15.8 4v4h-4',
  trash: 'M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.7 11h7.6l.7-11M8.5 8.5v5M11.5 8.5v5',
  send: 'M10 16V4.5M5 9.5l5-5 5 5',
  stop: 'M6 6h8v8H6z',
  attach: 'M15.5 9.5l-5.5 5.5a3.5 3.5 0 0 1-5-5l6-6a2.3 2.3 0 0 1 3.3 3.3l-5.8 5.8a1.1 1.1 0 0 1-1.6-1.6l5-5',
  branch: 'M6 4v12M6 12c0-3 8-2 8-6M14 3.5v2M4.5 4h3',
  play: 'M6.5 4.5l8.5 5.5-8.5 5.5z',
  pause: 'M7 5v10M13 5v10',
  download: 'M10 3.5v9M6 9l4 4 4-4M4 16.5h12',
  upload: 'M10 13V4M6 7.5l4-4 4 4M4 16.5h12',
  cube: 'M10 2.5l6.5 3.7v7.6L10 17.5l-6.5-3.7V6.2zM3.5 6.2 10 10l6.5-3.8M10 10v7.5',
  shield: 'M10 2.5l6 2.3v4.7c0 3.8-2.5 6.6-6 8-3.5-1.4-6-4.2-6-8V4.8z',
  lock: 'M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 6 0V9',
  columns: 'M3 4.5h6v11H3zM11 4.5h6v11h-6z',
  tool: 'M12 3.5a4 4 0 0 0-3.3 5.8L3.5 14.5l2 2 5.2-5.2A4 4 0 0 0 16.5 8l-2.3 2.3-2.5-.7-.7-2.5L13.3 4.7',
  file: 'M5.5 2.5h6l3.5 3.5v11.5h-9.5zM11 2.5v4h4',
  chart: 'M3.5 3.5v13h13M7 13V9.5M10.5 13V6M14 13V8',
  warning: 'M10 3.5l7.5 13h-15zM10 8v4M10 14.3v.01',
  key: 'M12.5 3.5a4 4 0 1 1-2.8 6.8L4 16v1.5h2.5v-2H8.5v-2h1.5l1-1M13.5 6.5h.01',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={paths[name]} fill={name === 'stop' ? 'currentColor' : 'none'} stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}
