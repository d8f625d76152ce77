import { DEPENDENCY_TAGS } from './dependency-list.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import type { DependencyDefect } from './rpm-package.ts';
import { Tag, tagName } from './tag.ts';
import { STRING_TYPES } from './tag-type.ts';

/**
 * dnf and zypper read a boolean dependency by a function that calls itself at each parenthesis and after each operator, and
 * are ended by the kernel when 8 MiB of stack are full: at some 85,000 calls, or 43,000 of `(a or (a or`. It is the index
 * that they read, so one such package takes the whole repository from every host. rpm calls itself at each parenthesis too
 * and has no limit. Distributions nest two or three deep.
 * Source: libsolv, src/pool_parserpmrichdep.c, parseRichDep; rpm, lib/rpmds.c, rpmrichParseInternal.
 */
export const MAX_NESTING = 64;

/**
 * libsolv takes an operator only with a space after it, so the spaces bound the operators. With MAX_NESTING it is a twentieth
 * of the calls that end dnf, and room for a thousand alternatives.
 */
export const MAX_SPACES = 4096;

/** Of a text in a message. */
const SHOWN_CHARACTERS = 40;

const OPEN = 0x28;
const CLOSE = 0x29;
const SPACE = 0x20;

/** NAME becomes the provide that packages without a region lack. */
const NAME_TAGS: readonly number[] = [Tag.NAME, ...Object.values(DEPENDENCY_TAGS).map(({ name }) => name)];

/**
 * What makes a dependency one that hosts cannot read; undefined for all others, also ill-formed ones, which they skip. It
 * counts the parentheses inside names too, so it never finds less than libsolv does.
 */
export function findExpressionProblem(dependency: string): DependencyDefect['problem'] | undefined {
  const bytes = Buffer.from(dependency);
  return problemIn(bytes, 0, bytes.length);
}

/** The first dependency that hosts cannot read; one pass over the bytes of the names that begin with a parenthesis. */
export function findDependencyDefect(main: Header): DependencyDefect | undefined {
  for (const tag of NAME_TAGS) {
    const entry = main.entries.get(tag);
    if (entry === undefined || !STRING_TYPES.includes(entry.type)) continue;
    const defect = findEntryDefect(main.bytes, entry);
    if (defect !== undefined) return { tag: tagName(main.kind, tag), ...defect };
  }
  return undefined;
}

/** The defect in words: tag, place, what is wrong, and how the dependency begins. */
export function explainDependencyDefect({ tag, index, problem, start }: DependencyDefect): string {
  return `${tag} (entry ${index}) is a boolean dependency that ${PROBLEMS[problem]}: it begins "${start}"`;
}

const PROBLEMS: Readonly<Record<DependencyDefect['problem'], string>> = {
  'nested-too-deep': `nests more than ${MAX_NESTING} deep`,
  'too-many-words': `has more than ${MAX_SPACES} spaces between its words`,
};

function findEntryDefect(bytes: Buffer, entry: HeaderEntry): Omit<DependencyDefect, 'tag'> | undefined {
  let start = entry.start;
  for (let index = 0; index < entry.count; index++) {
    const end = bytes.indexOf(0, start);
    const problem = problemIn(bytes, start, end);
    if (problem !== undefined) return { index, problem, start: readBeginning(bytes, start) };
    start = end + 1;
  }
  return undefined;
}

/** The dependency is longer than that. */
function readBeginning(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start, start + SHOWN_CHARACTERS).replace(/[^ -~]/g, '?');
}

function problemIn(bytes: Buffer, start: number, end: number): DependencyDefect['problem'] | undefined {
  if (bytes[start] !== OPEN) return undefined;
  let nesting = 0;
  let spaces = 0;
  for (let position = start; position < end; position++) {
    const byte = bytes[position];
    if (byte === OPEN) nesting++;
    else if (byte === CLOSE) nesting--;
    else if (byte === SPACE) spaces++;
    if (nesting > MAX_NESTING) return 'nested-too-deep';
    if (spaces > MAX_SPACES) return 'too-many-words';
  }
  return undefined;
}
