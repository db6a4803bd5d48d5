/** Draws horizontal bars as SVG, readable on a light and on a dark page. */

export type Bar = {
  readonly label: string;
  readonly value: number;
  /** The lowest and the highest that was measured. */
  readonly range?: readonly [number, number];
  /** Stands out among the others. */
  readonly own: boolean;
  /** Drawn as what the first value reaches into, such as a higher percentile. */
  readonly second?: number;
};

export type Panel = { readonly title: string; readonly bars: readonly Bar[] };

export type BarChart = {
  readonly title: string;
  /** What the numbers are, below the title. */
  readonly note: string;
  readonly panels: readonly Panel[];
};

const WIDTH = 880;
const MARGIN = 24;
const LABEL_END = 300;
const BAR_START = LABEL_END + 12;
/** Room for the numbers behind the longest bar. */
const BAR_WIDTH_MAX = WIDTH - BAR_START - 170;
const HEAD = 78;
const PANEL_HEAD = 40;
const LINE = 28;
const BAR_HEIGHT = 16;

const STYLE = `
    .page { fill: #ffffff }
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
    .title { font-size: 18px; font-weight: 600 }
    .panel { font-size: 14px; font-weight: 600 }
    .note, .less { fill: #59636e }
    .own { fill: #0969da }
    .other { fill: #8c959f }
    .second { opacity: 0.35 }
    .range { stroke: #1f2328; stroke-width: 1.5 }
    .axis { stroke: #d1d9e0 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      text { fill: #f0f6fc }
      .note, .less { fill: #9198a1 }
      .own { fill: #4493f8 }
      .other { fill: #656c76 }
      .range { stroke: #f0f6fc }
      .axis { stroke: #3d444d }
    }`;

/** The chart as the text of an SVG file. Each panel has a scale of its own, from zero. */
export function barChart({ title, note, panels }: BarChart): string {
  const drawn: string[] = [];
  let y = HEAD;
  for (const panel of panels) {
    drawn.push(drawPanel(panel, y));
    y += PANEL_HEAD + panel.bars.length * LINE + 8;
  }
  const height = y + MARGIN - 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `  <title>${escaped(title)}</title>`,
    `  <desc>${escaped(panels.map(described).join(' '))}</desc>`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="page" width="${WIDTH}" height="${height}" rx="6"/>`,
    `  <text class="title" x="${MARGIN}" y="38">${escaped(title)}</text>`,
    `  <text class="note" x="${MARGIN}" y="60">${escaped(note)}</text>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, bars }: Panel, top: number): string {
  const most = Math.max(...bars.flatMap(({ value, second = 0, range }) => [value, second, range?.[1] ?? 0]));
  const scale = (value: number) => (most > 0 ? (value / most) * BAR_WIDTH_MAX : 0);
  const first = top + PANEL_HEAD;
  const bottom = first + bars.length * LINE;
  return [
    `  <text class="panel" x="${MARGIN}" y="${top + 24}">${escaped(title)}</text>`,
    `  <line class="axis" x1="${BAR_START}" x2="${BAR_START}" y1="${first - 4}" y2="${bottom - 4}"/>`,
    ...bars.map((bar, index) => drawBar(bar, first + index * LINE, scale)),
  ].join('\n');
}

function drawBar(
  { label, value, range, own, second }: Bar,
  top: number,
  scale: (value: number) => number,
): string {
  const middle = top + BAR_HEIGHT / 2;
  const kind = own ? 'own' : 'other';
  const rect = (classes: string, to: number) =>
    `  <rect class="${classes}" x="${BAR_START}" y="${top}" width="${px(Math.max(1, scale(to)))}" height="${BAR_HEIGHT}" rx="2"/>`;
  const end = BAR_START + scale(Math.max(value, second ?? 0, range?.[1] ?? 0)) + 8;
  const more =
    second === undefined
      ? range && range[0] !== range[1]
        ? ` (${formatted(range[0])}–${formatted(range[1])})`
        : ''
      : ` / ${formatted(second)}`;
  return [
    `  <text x="${LABEL_END}" y="${middle + 4.5}" text-anchor="end"${own ? ' font-weight="600"' : ''}>${escaped(label)}</text>`,
    ...(second === undefined ? [] : [rect(`${kind} second`, second)]),
    rect(kind, value),
    ...(range === undefined
      ? []
      : [
          `  <line class="range" x1="${px(BAR_START + scale(range[0]))}" x2="${px(BAR_START + scale(range[1]))}" y1="${middle}" y2="${middle}"/>`,
        ]),
    `  <text x="${px(end)}" y="${middle + 4.5}">${formatted(value)}<tspan class="less">${more}</tspan></text>`,
  ].join('\n');
}

/** For those who cannot see it. */
function described({ title, bars }: Panel): string {
  const each = bars.map(({ label, value, second }) =>
    second === undefined
      ? `${label} ${formatted(value)}`
      : `${label} ${formatted(value)} and ${formatted(second)}`,
  );
  return `${title}: ${each.join(', ')}.`;
}

function formatted(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value >= 100 ? 0 : 1 });
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
