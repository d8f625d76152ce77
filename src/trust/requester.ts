import { AppError } from '../errors.ts';
import { createRights, type Right, type Rights } from './rights.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The sender of a request. */
export interface Requester {
  /**
   * `local`: a command on this machine that could read the service's own token; `drop`: a user of
   * the server who may write into the drop directory.
   */
  readonly kind: 'anybody' | 'token' | 'key' | 'local' | 'drop';
  /** The token's name or the key's id. */
  readonly name: string;
  readonly rights: Rights;
  /** False as long as nothing has shown that they are who they say they are. */
  readonly isProven: boolean;
  /** Who it is once the file has come, when only its content can prove it. @throws AppError SIGNATURE_INVALID. */
  readonly proveBy: (path: string) => Promise<Requester>;
}

/** Where rights are given, for hints. */
const RIGHTS_PLACE: Readonly<Record<Exclude<Requester['kind'], 'anybody'>, string>> = {
  token: 'this right in the access section',
  key: 'this right in the access section',
  local: 'this right in the access section',
  drop: 'drop_directory.upload',
};

/** Who has not been looked at, or was refused. */
export const NOBODY = createRequester({
  kind: 'anybody',
  name: '',
  rights: createRights({}),
  isProven: false,
});

/** A requester that is known before a body comes. */
export function createRequester(fields: Omit<Requester, 'proveBy'>): Requester {
  const requester: Requester = { ...fields, proveBy: async () => requester };
  return requester;
}

/** The owner of what a requester leaves on the server: it is counted to this one. */
export function ownerOf({ kind, name }: Pick<Requester, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

/** What a request needs: a right in one repository, in all of them, or in any. */
export interface Need {
  readonly right: Right;
  readonly in: { readonly repository: RepositoryName } | 'all' | 'some';
}

/** True when the requester's rights cover what is needed. */
export function covers({ rights }: Pick<Requester, 'rights'>, need: Need): boolean {
  if (need.in === 'all') return rights.mayEverywhere(need.right);
  if (need.in === 'some') return rights.maySomewhere(need.right);
  return rights.may(need.right, need.in.repository);
}

/** @throws AppError CREDENTIALS_MISSING of a client that sent none, RIGHT_MISSING of all others. */
export function demand(requester: Requester, need: Need): void {
  if (covers(requester, need)) return;
  if (requester.kind === 'anybody') {
    throw new AppError('CREDENTIALS_MISSING', `this needs the right ${need.right}`, {
      hint: 'Send a token (curl -u ci:TOKEN, or Authorization: Bearer TOKEN) or sign the request, see docs/http.md.',
    });
  }
  throw new AppError(
    'RIGHT_MISSING',
    `${requester.kind} ${requester.name} lacks the right ${describe(need)}`,
    {
      hint: `Ask the administrator to add the repository to ${RIGHTS_PLACE[requester.kind]} of the configuration.`,
    },
  );
}

/** For what takes no file that could prove who sent it. @throws AppError SIGNATURE_INVALID. */
export function demandProven({ isProven }: Requester): void {
  if (isProven) return;
  throw new AppError('SIGNATURE_INVALID', 'X-Signature: sha1= proves who sends a file, and nothing else', {
    hint: 'Sign with sha256 as in docs/http.md, or use a token.',
  });
}

function describe(need: Need): string {
  if (need.in === 'all') return `${need.right} in all repositories`;
  if (need.in === 'some') return `${need.right} in any repository`;
  return `${need.right} in ${need.in.repository}`;
}
