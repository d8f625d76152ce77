import { join } from 'node:path';
import { identityAt } from '../../base/files/file-identity.ts';
import type { IndexJob } from '../index-engine.ts';

/**
 * Divides the packages that are set aside: a package stays out of the index while its file is the same, otherwise it is
 * tried again.
 */
export function divideSetAside({ setAside, repositoryDir }: Pick<IndexJob, 'setAside' | 'repositoryDir'>): {
  readonly readmitted: readonly string[];
  readonly staysOut: ReadonlySet<string>;
} {
  const isSame = ([location, identity]: readonly [string, string]): boolean =>
    identityAt(join(repositoryDir, location)) === identity;
  const { same = [], other = [] } = Object.groupBy(setAside, (entry) => (isSame(entry) ? 'same' : 'other'));
  return {
    readmitted: other.map(([location]) => location),
    staysOut: new Set(same.map(([location]) => location)),
  };
}
