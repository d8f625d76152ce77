import { readFile } from 'node:fs/promises';

/** A block of a guide: what is typed somewhere, or what is written into a file. */
export interface GuideStep {
  /** `on the server`, `in /etc/rpmyard/config.yml`: what follows the language in the block's first line. */
  readonly place: string;
  readonly content: string;
}

/** Every block of code in a guide, in order. Throws for one that says no place: it would not be tried. */
export async function readGuide(url: URL): Promise<readonly GuideStep[]> {
  const text = await readFile(url, 'utf8');
  return [...text.matchAll(/^```(?<info>.*)\n(?<content>[^]*?)^```$/gm)].map(({ groups }) => {
    const [, place] = /^(?:sh|yaml) ((?:on|in) .+)$/.exec(groups?.['info'] ?? '') ?? [];
    if (place === undefined) throw new Error(`a block does not say where it is for: ${groups?.['content']}`);
    return { place, content: groups?.['content'] ?? '' };
  });
}
