import { escapeAttribute, escapeText } from './xml-text.ts';

/** The tags of a repository in repomd.xml: words for people and tools, which no host needs. */
export interface RepomdTags {
  readonly content: readonly string[];
  readonly repo: readonly string[];
  readonly distro: readonly DistroTag[];
}

export interface DistroTag {
  /** The name of the distribution in the Common Platform Enumeration. */
  readonly cpeid?: string;
  readonly name: string;
}

export const NO_TAGS: RepomdTags = { content: [], repo: [], distro: [] };

export function hasTags({ content, repo, distro }: RepomdTags): boolean {
  return content.length + repo.length + distro.length > 0;
}

export function isSameTags(a: RepomdTags, b: RepomdTags): boolean {
  return renderTags(a) === renderTags(b);
}

/** A distribution as createrepo_c's `--distro` takes it: `[<cpeid>,]<name>`. Source: createrepo_c, src/cmd_parser.c. */
export function parseDistro(text: string): DistroTag {
  const comma = text.indexOf(',');
  return comma <= 0
    ? { name: text.slice(comma + 1) }
    : { cpeid: text.slice(0, comma), name: text.slice(comma + 1) };
}

/** The same words, each once, in the order in which they come first. */
export function mergeTags(all: readonly RepomdTags[]): RepomdTags {
  const distros = new Map(all.flatMap(({ distro }) => distro).map((one) => [JSON.stringify(one), one]));
  return {
    content: [...new Set(all.flatMap(({ content }) => content))],
    repo: [...new Set(all.flatMap(({ repo }) => repo))],
    distro: [...distros.values()],
  };
}

/** The `<tags>` element; empty when there is nothing to say. Source of the format: createrepo_c, src/xml_dump_repomd.c. */
export function renderTags({ content, repo, distro }: RepomdTags): string {
  const lines = [
    ...content.map((text) => `    <content>${escapeText(text)}</content>\n`),
    ...repo.map((text) => `    <repo>${escapeText(text)}</repo>\n`),
    ...distro.map(({ cpeid, name }) => {
      const attribute = cpeid === undefined ? '' : ` cpeid="${escapeAttribute(cpeid)}"`;
      return `    <distro${attribute}>${escapeText(name)}</distro>\n`;
    }),
  ];
  return lines.length === 0 ? '' : `  <tags>\n${lines.join('')}  </tags>\n`;
}
