import type { BatchMember } from './batch-store.ts';
import type { FileToPlace } from './places.ts';

/**
 * A member of a batch as a package to place: it goes where it was decided when it came, whatever the configuration says since.
 * @param path of its bytes.
 */
export function memberToPlace(member: BatchMember, path: string): FileToPlace {
  const signatures = new Map(
    member.targets.flatMap(({ repository }) => {
      const signature = member.signatures[repository];
      return signature === undefined ? [] : [[repository, signature] as const];
    }),
  );
  return { ...member, path, signatures };
}
