import { wrap } from '../text/wrap-text.ts';
import { CONFIG_SCHEMA } from './schema.ts';

const LINE_WIDTH = 100;

/** config.example.yml, rendered from the schema: every option with its text, range and default. */
export function renderExampleConfig(): string {
  const sections = Object.entries(CONFIG_SCHEMA.properties).map(([name, section]) => {
    const options = Object.entries(section.properties).map(([key, property]) =>
      [...comment(property), ...value(key, property.default)].map((line) => `  ${line}`).join('\n'),
    );
    return `${name}:\n${options.join('\n')}\n`;
  });
  return `# Every option of Rpmyard with its default; leave out what you do not change.\n\n${sections.join('\n')}`;
}

type Property = { readonly description?: string; readonly minimum?: number; readonly maximum?: number };

function comment(property: Property): string[] {
  const range = property.minimum === undefined ? '' : ` (${property.minimum} to ${property.maximum})`;
  return wrap(`${property.description ?? ''}${range}`, LINE_WIDTH).map((line) => `# ${line}`);
}

function value(key: string, content: unknown): string[] {
  if (isTable(content)) return table(key, content);
  if (!Array.isArray(content)) return [`${key}: ${scalar(content)}`];
  if (content.length === 0) return [`${key}: []`];
  return [`${key}:`, ...content.map((item) => `  - ${scalar(item)}`)];
}

function isTable(content: unknown): content is Readonly<Record<string, readonly unknown[]>> {
  return typeof content === 'object' && !Array.isArray(content);
}

function table(key: string, content: Readonly<Record<string, readonly unknown[]>>): string[] {
  return [
    `${key}:`,
    ...Object.entries(content).map(([name, items]) => `  ${name}: [${items.map(scalar).join(', ')}]`),
  ];
}

function scalar(content: unknown): string {
  return typeof content === 'string' ? `'${content.replaceAll("'", "''")}'` : String(content);
}
