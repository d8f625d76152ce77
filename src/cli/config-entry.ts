import { wrap } from '../base/text/wrap-text.ts';

const WIDTH = 80;

/**
 * Says where lines of an option with a list go in a configuration file, and prints them. They have the indentation of
 * config.example.yml, so that they fit as they are into a file that was begun with it.
 * @param entry the lines of the list, the first one begins with a dash.
 */
export function configEntry(place: {
  readonly section: string;
  readonly key: string;
  readonly entry: readonly string[];
}): string {
  const { section, key, entry } = place;
  const where = wrap(
    `Put this into the configuration file, and restart the service. Where the file has "${section}" already, the lines below it here take the place of its "${key}: []", or are added to it; where "${key}" has entries already, the lines from the dash on go below them.`,
    WIDTH,
  ).join('\n');
  return `${where}\n\n${section}:\n  ${key}:\n${entry.map((line) => `    ${line}\n`).join('')}`;
}
