/** One line of a chart. */
export interface ChartLine {
  readonly label: string;
  /** A class of STYLE below. */
  readonly style: 'ours' | 'peer' | 'peer-more' | 'floor';
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 64, right: 520, top: 68, bottom: 350 };
const LABEL_GAP = 10;
const MIN_LABEL_DISTANCE = 17;

// Of the color schemes that a page may have; an <img> follows the reader's own. The colors keep apart for the color-blind.
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 15px; font-weight: 600 }
    .axis, .note { font-size: 12px; fill: #59636e }
    .grid { stroke: #d1d9e0 }
    .line { fill: none; stroke: currentcolor; stroke-width: 2; stroke-linejoin: round }
    .line.ours { stroke-width: 3.5 }
    .line.peer-more { stroke-dasharray: 7 4 }
    .line.floor { stroke-dasharray: 2 4 }
    .dot { fill: currentcolor }
    .label.ours { font-weight: 600 }
    .ours { color: #0969da }
    .peer { color: #bc4c00 }
    .peer-more { color: #953800 }
    .floor { color: #6e7781 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .axis, .note { fill: #9198a1 }
      .grid { stroke: #3d444d }
      .ours { color: #58a6ff }
      .peer { color: #f0883e }
      .peer-more { color: #ffb77c }
      .floor { color: #9198a1 }
    }
    .label { fill: currentcolor }
  `;

/** Draws lines on two logarithmic axes as an SVG document, without a background of its own. */
export function renderLogChart(options: {
  readonly title: string;
  readonly note: string;
  readonly xTitle: string;
  readonly lines: readonly ChartLine[];
}): string {
  const { title, note, xTitle, lines } = options;
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted((a, b) => a - b);
  const ys = lines.flatMap(({ points }) => points.map(({ y }) => y));
  const scaleX = logScale(Math.min(...xs), Math.max(...xs), PLOT.left + 12, PLOT.right - 12);
  const yTicks = decadesAround(Math.min(...ys), Math.max(...ys));
  const scaleY = logScale(yTicks[0] ?? 0, yTicks.at(-1) ?? 0, PLOT.bottom, PLOT.top);
  const labelHeights = apart(lines.map(({ points }) => scaleY(points.at(-1)?.y ?? 0)));

  const horizontals = yTicks.map(
    (tick) =>
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at(scaleY(tick))}" y2="${at(scaleY(tick))}"/>` +
      `<text class="axis" x="${PLOT.left - 8}" y="${at(scaleY(tick) + 4)}" text-anchor="end">${formatSeconds(tick)}</text>`,
  );
  const verticals = xs.map(
    (x) =>
      `<text class="axis" x="${at(scaleX(x))}" y="${PLOT.bottom + 20}" text-anchor="middle">${x.toLocaleString('en')}</text>`,
  );
  const drawn = lines.map(({ label, style, points }, index) => {
    const path = points
      .map(({ x, y }, point) => `${point === 0 ? 'M' : 'L'}${at(scaleX(x))} ${at(scaleY(y))}`)
      .join('');
    const dots = points.map(
      ({ x, y }) => `<circle class="dot ${style}" cx="${at(scaleX(x))}" cy="${at(scaleY(y))}" r="3"/>`,
    );
    const last = formatSeconds(points.at(-1)?.y ?? 0);
    const labelY = at((labelHeights[index] ?? 0) + 4);
    return `<path class="line ${style}" d="${path}"/>${dots.join('')}<text class="label ${style}" x="${PLOT.right + LABEL_GAP}" y="${labelY}">${escapeXml(`${label}, ${last}`)}</text>`;
  });
  const middle = (PLOT.left + PLOT.right) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">
  <style>${STYLE}</style>
  <text class="title" x="${PLOT.left - 48}" y="24">${escapeXml(title)}</text>
  <text class="note" x="${PLOT.left - 48}" y="43">${escapeXml(note)}</text>
  ${horizontals.join('\n  ')}
  ${verticals.join('\n  ')}
  <text class="axis" x="${middle}" y="${PLOT.bottom + 40}" text-anchor="middle">${escapeXml(xTitle)}</text>
  ${drawn.join('\n  ')}
</svg>
`;
}

function logScale(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = Math.log(to) - Math.log(from) || 1;
  return (value) => start + ((Math.log(value) - Math.log(from)) / span) * (end - start);
}

/** Powers of ten from below the least value to above the greatest. */
function decadesAround(least: number, greatest: number): readonly number[] {
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(greatest));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

/** The same heights, moved down where two labels would touch. */
function apart(heights: readonly number[]): readonly number[] {
  const moved = [...heights];
  const fromTop = heights.map((_, index) => index).toSorted((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  let least = 0;
  for (const index of fromTop) {
    moved[index] = Math.max(moved[index] ?? 0, least);
    least = (moved[index] ?? 0) + MIN_LABEL_DISTANCE;
  }
  return moved;
}

function formatSeconds(seconds: number): string {
  return seconds < 1
    ? `${Number((1000 * seconds).toPrecision(2))} ms`
    : `${Number(seconds.toPrecision(2))} s`;
}

function at(pixels: number): string {
  return String(Number(pixels.toFixed(1)));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
