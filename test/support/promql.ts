/** Labels that every scraped sample has, and the metric that Prometheus itself makes of a scrape. */
const LABELS_OF_PROMETHEUS = new Set(['job', 'instance']);
const METRICS_OF_PROMETHEUS = new Set(['up']);

const KEYWORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'offset', 'bool']);

/**
 * The parts of a PromQL expression that no service exposes: names of metrics, and `name{label}` of labels.
 * @param expression one that Prometheus has parsed before.
 */
export function unknownNames(
  expression: string,
  exposed: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  const plain = expression
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const unknown: string[] = [];
  for (const { groups } of plain.matchAll(SELECTOR)) {
    const { name = '', matchers = '' } = groups ?? {};
    if (KEYWORDS.has(name) || METRICS_OF_PROMETHEUS.has(name)) continue;
    const labels = exposed.get(name);
    if (labels === undefined) unknown.push(name);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*[=!]/g)) {
      if (!LABELS_OF_PROMETHEUS.has(label) && labels?.has(label) !== true) unknown.push(`${name}{${label}}`);
    }
  }
  return unknown;
}

/** A name that is no function's, with its matchers. */
const SELECTOR = /(?<![\w.])(?<name>[a-zA-Z_:][\w:]*)(?![\w:]*\s*\()\s*(?:\{(?<matchers>[^}]*)\})?/g;
