import { joinRepositoryName } from '../../rpm/repository-name.ts';
import type { Need } from '../../trust/requester.ts';

const PUBLIC_FILES = /^(?:[^/]+\.repo|RPM-GPG-KEY-[^/]+|[^/]+\/[^/]+\.repo)$/;

/**
 * The right that reading a path below /repo/ needs: none for keys and .repo files, `read` in the repository that the
 * path lies in, and `read` in all repositories for paths above or beside them (listings).
 * @param path decoded, without a leading slash. A path that is not plainly spelled also needs `read` in all.
 */
export function needOfRepositoryPath(path: string): Need | 'nothing' {
  const segments = path.split('/');
  const isPlain = segments.every((segment, index) => {
    const isLast = index === segments.length - 1;
    return (segment !== '' || isLast) && !segment.startsWith('.');
  });
  if (!isPlain) return { right: 'read', in: 'all' };
  if (PUBLIC_FILES.test(path)) return 'nothing';
  const [releasever = '', basearch = ''] = segments;
  // `@17` is a generation of a repository, never a repository.
  const repository = joinRepositoryName({ releasever, basearch });
  return { right: 'read', in: repository === undefined ? 'all' : { repository } };
}

/**
 * The same for a URL as the client sent it (`/repo/9/x86_64/repodata/repomd.xml?x`).
 * @param onDisk gives the path on disk for a decoded path below /repo/.
 */
export function needOfRepositoryUrl(url: string, onDisk: (path: string) => string): Need | 'nothing' {
  const path = decoded(url.split('?', 1)[0] ?? '');
  const below = path === undefined ? undefined : /^\/repo\/(?<rest>.*)$/su.exec(path)?.groups?.['rest'];
  return below === undefined ? { right: 'read', in: 'all' } : needOfRepositoryPath(onDisk(below));
}

function decoded(path: string): string | undefined {
  // A decoded slash would make other segments than those that nginx sees, and nginx ends a path at a fragment.
  if (/%2f|%00|#/i.test(path)) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
