/** What a value of a package's identity could be instead; undefined when nothing of it can stand. */
export function suggestField(field: string, value: string): string | undefined {
  // What is left without its accents may be ASCII.
  const plain = value.normalize('NFD').replace(/\p{M}/gu, '');
  const suggestion = field === 'name' ? nameFor(plain) : versionFor(plain);
  return suggestion === '' || suggestion === value ? undefined : suggestion;
}

/** `@scope/name` of npm, `my app`. */
function nameFor(value: string): string {
  return value.replace(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[-.]+|-+$/g, '');
}

/** The words that versions before a release are known by, with what counts them. */
const BEFORE_RELEASE =
  /^(?:rc|cr|alpha|beta|pre|preview|dev|devel|snapshot|milestone|nightly|canary|next|test|a|b|m)(?![A-Za-z])/i;

/** It has a tag of its own. */
const EPOCH = /^\d+:/;

/** `git describe` after a tag: commits since, and the commit. */
const AFTER_TAG = /-(?<count>\d+)-g(?<commit>[0-9a-f]{4,40})\b/;

/**
 * A tilde sorts before the end of a version and a caret after it, so that 1.0~rc1 is older than 1.0 and 1.0^5 newer.
 * Source: rpm, docs/manual/dependencies.md; rpmio/rpmvercmp.c.
 */
function versionFor(value: string): string {
  const after = value.replace(EPOCH, '').replace(AFTER_TAG, '^$<count>.g$<commit>');
  return after
    .replace(/[^A-Za-z0-9._+~^]+/g, (run, offset: number) =>
      BEFORE_RELEASE.test(after.slice(offset + run.length)) ? '~' : '_',
    )
    .replace(/^[_~]+|[_~]+$/g, '');
}
